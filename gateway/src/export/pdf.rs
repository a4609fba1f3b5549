//! An export as pages to print: plain text in a fixed-width face that every reader of PDF has, so that lines are broken by
//! counting and nothing is embedded.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

/// A line, and whether it begins something.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) heads: bool,
}

/// Sets lines on pages of A4. `foot` stands below each, with its number.
pub(super) fn pages(title: &str, lines: &[Line], foot: &str) -> Vec<u8> {
    let lines: Vec<(String, bool)> = lines.iter().flat_map(broken).collect();
    let pages: Vec<_> = lines.chunks(ROWS).collect();
    let (catalog, tree, info, plain, bold) =
        (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let page_ids: Vec<(Ref, Ref)> =
        (6..).step_by(2).map(|n| (Ref::new(n), Ref::new(n + 1))).take(pages.len()).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).title(pdf_writer::TextStr(title)).finish();
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(page_ids.iter().map(|(page, _)| *page)).count(count);
    for (font, face) in [(plain, "Courier"), (bold, "Courier-Bold")] {
        let mut font = pdf.type1_font(font);
        font.base_font(Name(face.as_bytes())).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (number, (rows, (page, content))) in (1..).zip(pages.iter().zip(&page_ids)) {
        let mut written = pdf.page(*page);
        written.parent(tree).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(*content);
        written.resources().fonts().pair(PLAIN, plain).pair(BOLD, bold);
        written.finish();
        let foot = format!("{foot}  {number}/{count}");
        pdf.stream(*content, &text(rows, &foot));
    }
    pdf.finish()
}

fn text(rows: &[(String, bool)], foot: &str) -> Vec<u8> {
    let mut content = Content::new();
    content.begin_text().set_leading(LEADING).next_line(MARGIN, HEIGHT - MARGIN);
    for (row, heads) in rows {
        content.set_font(if *heads { BOLD } else { PLAIN }, SIZE);
        content.show(Str(&win_ansi(row))).next_line(0.0, -LEADING);
    }
    content.end_text();
    content
        .begin_text()
        .set_font(PLAIN, SIZE)
        .next_line(MARGIN, MARGIN / 2.0)
        .show(Str(&win_ansi(foot)))
        .end_text();
    content.finish().into_vec()
}

/// A line in as many rows as it needs, broken at spaces where there are any; what follows the first is set in.
fn broken(line: &Line) -> Vec<(String, bool)> {
    let mut rows: Vec<String> = vec![String::new()];
    let mut length = 0;
    for word in line.text.split(' ') {
        let mut word: Vec<char> = word.chars().filter(|c| !c.is_control()).collect();
        while !word.is_empty() {
            let space = usize::from(length > 0);
            if length + space + word.len() > COLUMNS && length > INDENT.len() {
                rows.push(INDENT.to_owned());
                length = INDENT.len();
                continue;
            }
            let rest = word.split_off(word.len().min(COLUMNS - length - space));
            let row = rows.last_mut();
            if let Some(row) = row {
                row.extend(std::iter::repeat_n(' ', if *row == INDENT { 0 } else { space }));
                row.extend(&word);
            }
            length += space + word.len();
            word = rest;
        }
    }
    rows.into_iter().map(|row| (row, line.heads)).collect()
}

/// The bytes of the encoding that the face has; a character beyond it is shown as a question mark.
fn win_ansi(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match u32::from(c) {
            0x20..=0x7e | 0xa0..=0xff => u8::try_from(u32::from(c)).unwrap_or(b'?'),
            0x2013 => 0x96,
            0x2019 => 0x92,
            0x20ac => 0x80,
            _ => b'?',
        })
        .collect()
}

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
/// A4 in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 50.0;
const SIZE: f32 = 8.0;
const LEADING: f32 = 11.0;
/// A character of Courier is six tenths of its size wide: (595 - 100) / 4.8.
const COLUMNS: usize = 103;
/// (842 - 100) / 11.
const ROWS: usize = 67;
const INDENT: &str = "    ";

#[cfg(test)]
mod tests {
    use super::{COLUMNS, Line, broken, pages, win_ansi};

    fn line(text: &str) -> Line {
        Line { text: text.into(), heads: false }
    }

    #[test]
    fn every_word_stands_on_some_row_and_no_row_is_too_long() {
        let long = "x".repeat(250);
        for text in ["", "short", &"word ".repeat(80), &format!("before {long} after"), &long] {
            let rows = broken(&line(text));
            assert!(rows.iter().all(|(row, _)| row.chars().count() <= COLUMNS), "{rows:?}");
            let all: String = rows.iter().map(|(row, _)| row.as_str()).collect();
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&all), letters(text));
        }
    }

    #[test]
    fn a_page_holds_what_it_should_and_characters_are_of_the_face() {
        let lines: Vec<Line> = (0..200).map(|n| line(&format!("line {n}"))).collect();
        let file = pages("Title", &lines, "foot");
        assert!(file.starts_with(b"%PDF-"));
        let has = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has("(line 0)") && has("(line 199)") && has("/Count 3") && has("3/3"));
        assert_eq!(win_ansi("é€漢"), [0xe9, 0x80, b'?']);
    }
}
