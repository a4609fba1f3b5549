//! In a real browser: the ways that people go, with scripts switched off too, on a telephone and by keyboard.

use sluis_tests::World;
use sluis_tests::browser::{Browser, Scripts};

/// Signs in; the window then shows the first page.
#[track_caller]
fn sign_in(browser: &Browser, world: &World, user: &str, door: &str) {
    browser.open(&format!("{}/", world.portal()));
    browser.click(&format!("main a[href='/login/{door}']"));
    browser.fill("#user", user);
    browser.fill("#secret", &world.secret(user));
    browser.click("main button");
    browser.arrives(&format!("{}/{door}", world.portal()));
}

/// What a page must have, whoever looks at it: it fits the window, each field has its label, headings go down one by one,
/// and everything to press is large enough (WCAG 2.2: 1.4.10, 3.3.2, 1.3.1, 2.5.8).
#[track_caller]
fn fits(browser: &Browser, place: &str) {
    let faults = browser.probe(
        "const faults = [];
         const root = document.documentElement;
         if (root.scrollWidth > root.clientWidth) faults.push('wider than the window: ' + root.scrollWidth);
         for (const field of document.querySelectorAll('input:not([type=hidden]), select'))
             if (!field.labels.length) faults.push('no label: ' + field.name);
         let level = 0;
         for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
             const own = Number(heading.tagName[1]);
             if (own > level + 1) faults.push('a heading skips: ' + heading.textContent);
             level = own;
         }
         for (const one of document.querySelectorAll('button, summary, select')) {
             const box = one.getBoundingClientRect();
             if (box.width < 24 || box.height < 24) faults.push('too small: ' + one.textContent);
         }
         if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
         if (!document.documentElement.lang || !document.title) faults.push('no language or title');
         return faults;",
    );
    assert_eq!(faults, serde_json::json!([]), "{place}");
}

#[test]
fn in_four_screens_a_person_has_chosen_for_the_whole_care_team_without_any_script() {
    let world = World::fresh();
    let Some(browser) = Browser::start(1000, Scripts::Off) else { return };
    sign_in(&browser, &world, "elidrissi", "patient");
    let mut screens = 1;
    browser.click("main a[href='/patient/choice']");
    screens += 1;
    for (field, option) in [("#who", "everyone"), ("#what", "all")] {
        browser.click(&format!("{field} option[value={option}]"));
    }
    browser.click("input[name=answer][value=yes]");
    browser.click("main form button");
    screens += 1;
    browser.shows("h1", "Klopt dit?");
    assert!(browser.text("main").contains("Ziet erbij"), "{}", browser.text("main"));
    browser.click("main form button");
    screens += 1;
    browser.shows("h1", "Je keuze is bewaard");
    assert!(screens <= 4);
    world.staff("steen", "district-nursing").summary("elidrissi").ok();
    // And who looked, in the same window.
    browser.click("nav a[href='/patient/looked']");
    browser.click("main details summary");
    assert!(browser.text("main details").contains("Gekregen"), "{}", browser.text("main"));
}

#[test]
fn every_page_fits_a_telephone_and_is_labelled() {
    let world = World::shared();
    world.staff("linden", "gp-own").summary("kaya").ok();
    for width in [360, 1100] {
        let Some(browser) = Browser::start(width, Scripts::On) else { return };
        browser.open(world.portal());
        fits(&browser, "/");
        sign_in(&browser, world, "kaya", "patient");
        for path in [
            "",
            "/sharing",
            "/sharing/social",
            "/looked",
            "/looked?only=refused",
            "/choices",
            "/choice",
            "/emergency",
        ] {
            browser.open(&format!("{}/patient{path}", world.portal()));
            fits(&browser, path);
        }
        browser.click("header form button");
        sign_in(&browser, world, "officer-linde", "officer");
        for path in ["", "?all=yes", "/journal"] {
            browser.open(&format!("{}/officer{path}", world.portal()));
            fits(&browser, path);
        }
        browser.open(&format!("{}/officer", world.portal()));
        browser.click("tbody a[href^='/officer/record/']");
        fits(&browser, "/officer/record");
        assert!(browser.text("main").contains("Hoe is dit besloten?"));
    }
}

#[test]
fn the_keyboard_goes_first_to_the_text_and_reaches_everything() {
    let world = World::shared();
    let Some(browser) = Browser::start(1000, Scripts::On) else { return };
    sign_in(&browser, world, "bakker", "patient");
    browser.open(&format!("{}/patient/choice", world.portal()));
    let walked: Vec<String> = (0..16).map(|_| browser.tab()).collect();
    assert_eq!(walked[0], "A Ga naar de tekst");
    for stop in [
        "A English",
        "BUTTON Uitloggen",
        "SELECT who",
        "SELECT what",
        "INPUT until",
        "BUTTON Bekijk eerst wat er verandert",
    ] {
        assert!(walked.iter().any(|at| at == stop), "{stop} is not reached: {walked:?}");
    }
    let outline = browser.probe("return getComputedStyle(document.activeElement).outlineStyle;");
    assert_ne!(outline, serde_json::json!("none"), "the focus is seen");
}
