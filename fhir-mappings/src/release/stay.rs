//! The person as the search for a place sees them: a case, not a name. What is derived here is ours.

use crate::json::Value;

/// A Patient with a case number, birth year, sex, postcode-4 and language; the postcode never of a protected person.
pub(super) fn case(patient: Value<'_>, patient_id: &str, protected: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"resourceType\":\"Patient\",\"id\":");
    super::write_string(&mut out, patient_id);
    out.extend_from_slice(b",\"name\":[{\"use\":\"anonymous\",\"text\":");
    super::write_string(&mut out, &format!("Casus {}", case_number(patient_id)));
    out.extend_from_slice(b"}]");
    if let Some(gender) =
        patient.get_str("gender").filter(|g| matches!(&**g, "male" | "female" | "other" | "unknown"))
    {
        out.extend_from_slice(b",\"gender\":");
        super::write_string(&mut out, &gender);
    }
    let birth = patient.get_str("birthDate");
    if let Some(year) = birth.as_deref().and_then(|date| date.get(..4)).filter(|y| is_digits(y)) {
        out.extend_from_slice(b",\"birthDate\":");
        super::write_string(&mut out, year);
    }
    if let Some(four) = postcode_four(patient).filter(|_| !protected) {
        out.extend_from_slice(b",\"address\":[{\"postalCode\":");
        super::write_string(&mut out, &four);
        out.extend_from_slice(b"}]");
    }
    let languages = patient.each("communication").filter_map(|c| {
        let language = c.get("language")?;
        language.each("coding").find_map(|coding| {
            let system = coding.get_str("system")?;
            let code = coding.get_str("code")?;
            (system == "urn:ietf:bcp:47" && code.len() <= 12).then(|| code.into_owned())
        })
    });
    for (at, language) in languages.enumerate() {
        out.extend_from_slice(if at == 0 { b",\"communication\":[" } else { b"," });
        out.extend_from_slice(b"{\"language\":{\"coding\":[{\"system\":\"urn:ietf:bcp:47\",\"code\":");
        super::write_string(&mut out, &language);
        out.extend_from_slice(b"}]}}");
    }
    if out.ends_with(b"}]}}") {
        out.push(b']');
    }
    out.push(b'}');
    out
}

/// Six letters and digits made from the person's id for this asker, so that the same case keeps its number.
fn case_number(patient_id: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, patient_id.as_bytes());
    data_encoding::BASE32_NOPAD.encode(digest.as_ref()).chars().take(6).collect()
}

/// The four digits of the present home address.
fn postcode_four(patient: Value<'_>) -> Option<String> {
    let mut current = patient.each("address").filter(|address| {
        address.get_str("use").as_deref() != Some("old")
            && address.get_str("use").as_deref() != Some("billing")
    });
    current.find_map(|address| {
        let code = address.get_str("postalCode")?;
        code.get(..4).filter(|four| is_digits(four)).map(str::to_owned)
    })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}
