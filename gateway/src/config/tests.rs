//! Each seeded mistake is found, at its line, with a mend; the shipped example is accepted.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sluis.example.toml")
}

/// A folder with the example's certificates and the text of the example.
fn seeded() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let from = example().parent().unwrap().join("example");
    fs::create_dir(folder.path().join("example")).unwrap();
    for file in ["client-ca.pem", "exchange.pem", "portal.pem"] {
        fs::copy(from.join(file), folder.path().join("example").join(file)).unwrap();
    }
    (folder, fs::read_to_string(example()).unwrap())
}

#[test]
fn the_shipped_example_is_accepted() {
    let loaded = load(&example()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    assert_eq!(loaded.config.issuer.token_url(), "https://exchange.sluis.example/oauth/token");
    assert_eq!(loaded.notes.len(), 4, "{:?}", loaded.notes);
    assert_eq!(loaded.config.budget, Budget::default());
    assert_eq!(loaded.config.caps, Caps::default());
}

#[test]
fn every_commented_default_is_the_default() {
    let (folder, text) = seeded();
    let keys = text.lines().map(|line| {
        let key = line.strip_prefix("# ").filter(|rest| rest.contains(" = ") && !rest.starts_with("region"));
        key.unwrap_or(line).to_owned() + "\n"
    });
    let loaded = load_text(&keys.collect::<String>(), &folder.path().join("s.toml")).unwrap();
    assert_eq!((loaded.config.budget, loaded.config.caps), (Budget::default(), Caps::default()));
    assert!(loaded.config.holders.identity.is_some() && !loaded.config.holders.authorities.is_empty());
}

#[test]
fn towards_holders_a_certificate_and_its_key_come_together() {
    let (folder, text) = seeded();
    for (half, missing) in [
        ("certificate = \"example/exchange.pem\"", "holders.key"),
        ("key = \"credential:exchange-key\"", "holders.certificate"),
    ] {
        let text = text.replacen("[holders]", &format!("[holders]\n{half}"), 1);
        let mistakes = load_text(&text, &folder.path().join("s.toml")).unwrap_err();
        assert_eq!(mistakes.iter().map(|mistake| mistake.key.as_str()).collect::<Vec<_>>(), [missing]);
    }
}

/// Replaces one line of the example and expects exactly one mistake there, with these words.
#[track_caller]
fn check(line: &str, instead: &str, key: &str, words: &str) {
    let (folder, text) = seeded();
    assert!(text.contains(line), "{line}");
    let at = text.lines().position(|l| l == line).unwrap() + 1;
    let text = text.replacen(line, instead, 1);
    let mistakes = load_text(&text, &folder.path().join("s.toml")).unwrap_err();
    let found: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(mistakes.len(), 1, "{found:#?}");
    let mistake = &mistakes[0];
    assert_eq!(mistake.key, key, "{found:#?}");
    assert!(mistake.what.contains(words), "{found:#?}");
    assert!(!mistake.mend.is_empty());
    if !instead.is_empty() {
        assert_eq!(mistake.line, at + instead.matches('\n').count(), "{found:#?}");
    }
}

#[test]
fn each_mistake_is_told_with_its_line() {
    let listen = r#"listen = "0.0.0.0:8443""#;
    for bad in ["\"8443\"", "8443", "\"localhost:8443\"", "\"0.0.0.0\"", "true", "[\"0.0.0.0:8443\"]"] {
        check(listen, &format!("listen = {bad}"), "exchange.listen", "address and port");
    }
    check(listen, "listen = \"0.0.0.0:0\"", "exchange.listen", "port 0");
    check(r#"listen = "0.0.0.0:8444""#, "listen = \"127.0.0.1:8443\"", "portal.listen", "another listener");
    check(
        r#"listen = "127.0.0.1:8445""#,
        "listen = \"0.0.0.0:8445\"",
        "management.listen",
        "open on every network",
    );
    let issuer = r#"issuer = "https://exchange.sluis.example""#;
    for bad in ["http://a.example", "https://a.example/", "exchange.sluis.example", ""] {
        check(issuer, &format!("issuer = \"{bad}\""), "issuer", "https URL");
    }
    check(issuer, "", "issuer", "is missing");
    let origin = r#"origin = "sluis.example/heuvelrijk""#;
    for bad in ["a b", "", "a+b"] {
        check(origin, &format!("origin = \"{bad}\""), "origin", "name of 1 to 128");
    }
    let data = r#"data = "/var/lib/sluis""#;
    check(data, "data = \"sluis\"", "data", "absolute");
    check(data, "data = \"/etc/hostname\"", "data", "not a folder");
    check(data, "data = 1", "data", "absolute");
    check("# region = \"/etc/sluis/region\"", "region = \"/nowhere\"", "region", "no such folder");
    check("[management]", "[management]\nport = 1", "management.port", "not a key we know");
    check("[limits]", "[limits]\nrequest_burst = 0", "limits.request_burst", "from 1 to");
    check("[limits]", "[limits]\nidle_seconds = \"60\"", "limits.idle_seconds", "from 1 to");
    check("[limits]", "[limits]\nidle_seconds = 601", "limits.idle_seconds", "from 1 to");
    check("[limits]", "[limits]\nidle = 60", "limits.idle", "not a key we know");
    check("# client_crl = []", "client_crl = [\"no.crl\"]", "exchange.client_crl", "no.crl");
    check(
        "# client_crl = []",
        "client_crl = [\"example/client-ca.pem\"]",
        "exchange.client_crl",
        "cannot be read",
    );
    let ca = r#"client_ca = ["example/client-ca.pem"]"#;
    check(ca, "client_ca = []", "exchange.client_ca", "one or more");
    check(ca, "client_ca = [\"no.pem\"]", "exchange.client_ca", "no.pem");
    check(ca, "client_ca = [\"s.toml\"]", "exchange.client_ca", "s.toml");
    let certificate = r#"certificate = "example/portal.pem""#;
    check(certificate, "certificate = \"no.pem\"", "portal.certificate", "no.pem");
    check(certificate, "", "portal.certificate", "is missing");
    let key = r#"key = "credential:portal-key""#;
    check(key, "key = \"credential:\"", "portal.key", "path of a file");
    check(key, "key = \"credential:../x\"", "portal.key", "path of a file");
    check(key, "key = \"\"", "portal.key", "path of a file");
    check(key, "key = \"no.key\"", "portal.key", "no.key");
    let master = r#"master = "credential:master-key""#;
    check(master, "master = \"no.key\"", "keys.master", "no.key");
    check(master, "", "keys.master", "is missing");
}

/// The mistakes of the example with these keys of `[witness]`: key and words.
fn witnessed(keys: &str) -> Result<Loaded, Vec<(String, String)>> {
    let (folder, text) = seeded();
    let text = text.replacen("[witness]\n", &format!("[witness]\n{keys}\n"), 1);
    load_text(&text, &folder.path().join("s.toml"))
        .map_err(|mistakes| mistakes.into_iter().map(|m| (m.key, m.what)).collect())
}

#[test]
fn a_witness_is_named_whole_or_not_at_all() {
    const KEY: &str = "key = \"witness.example/w1+5fb48d8b+BCjuvvNcenwHbWKWx3hRMO2NzhfmZTNiui/MhhwyWfCt\"\n";
    assert!(witnessed("").unwrap().config.witness.is_none());
    let whole = witnessed(&format!("url = \"http://10.0.0.7:8447/w\"\n{KEY}interval_seconds = 30")).unwrap();
    let whole = whole.config.witness.unwrap();
    assert_eq!((whole.url.as_str(), whole.interval.as_secs()), ("http://10.0.0.7:8447/w", 30));
    assert!(whole.witness().unwrap().authorities.is_empty());
    let trusting = "url = \"https://w.example\"\nca = [\"example/client-ca.pem\"]";
    let trusting = witnessed(&format!("{trusting}\n{KEY}")).unwrap().config.witness.unwrap();
    assert_eq!(trusting.authorities.len(), 1);
    // The journal's own kind of key, whose signatures would be its own.
    let log = "key = \"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\"\n";
    for (keys, key, words) in [
        ("url = \"http://w.example\"", "witness.key", "is missing"),
        (KEY, "witness.url", "is missing"),
        (&format!("url = \"http://w.example\"\n{log}"), "witness.key", "of type 4"),
        (&format!("url = \"http://w.example/\"\n{KEY}"), "witness.url", "without a trailing slash"),
        (&format!("url = \"w.example\"\n{KEY}"), "witness.url", "must be a URL"),
        (&format!("url = \"http://a@w.example\"\n{KEY}"), "witness.url", "must be a URL"),
        (&format!("url = \"http://w.example?q\"\n{KEY}"), "witness.url", "must be a URL"),
        (&format!("url = \"https://w.example\"\n{KEY}"), "witness.url", "nobody is named"),
        (
            &format!("url = \"http://w.example\"\nca = [\"example/client-ca.pem\"]\n{KEY}"),
            "witness.ca",
            "over http",
        ),
        (&format!("url = \"https://w.example\"\nca = [\"no.pem\"]\n{KEY}"), "witness.ca", "no.pem"),
        (
            &format!("url = \"http://w.example\"\ninterval_seconds = 31\n{KEY}"),
            "witness.interval_seconds",
            "1 to 30",
        ),
        (&format!("url = \"http://w.example\"\nname = \"w\"\n{KEY}"), "witness.name", "not a key we know"),
    ] {
        let mistakes = witnessed(keys).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{keys}: {mistakes:?}");
        assert_eq!(mistakes[0].0, key, "{keys}");
        assert!(mistakes[0].1.contains(words), "{mistakes:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_in_order() {
    let (folder, text) = seeded();
    let text = text
        .replace("https://", "http://")
        .replace("0.0.0.0:8444", "x")
        .replace("[limits]", "[limits]\nx = 1");
    let mistakes = load_text(&text, &folder.path().join("s.toml")).unwrap_err();
    let keys: Vec<_> = mistakes.iter().map(|m| m.key.as_str()).collect();
    assert_eq!(keys, ["issuer", "portal.listen", "limits.x"]);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let (folder, text) = seeded();
    let broken = text.replace("[limits]", "[limits");
    let at = text.lines().position(|l| l == "[limits]").unwrap() + 1;
    let mistakes = load_text(&broken, &folder.path().join("s.toml")).unwrap_err();
    assert!(mistakes.iter().any(|m| m.line == at), "{mistakes:#?}");
    let doubled = format!("{text}\n[portal]\n");
    assert!(load_text(&doubled, &folder.path().join("s.toml")).is_err());
    assert!(load(&folder.path().join("nowhere.toml")).is_err());
}

/// Writes a secret with a mode and answers what is said of it as the master key.
fn of_master_key(content: &[u8], mode: u32) -> Option<String> {
    let (folder, text) = seeded();
    let path = folder.path().join("m.key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let text = text.replace("credential:master-key", "m.key");
    let told = load_text(&text, &folder.path().join("s.toml")).map(|_| ()).map_err(|m| m[0].to_string());
    told.err()
}

#[test]
fn a_secret_is_a_private_file_and_never_shown() {
    let good: Vec<u8> = (0..32).collect();
    assert_eq!(of_master_key(&good, 0o600), None);
    assert_eq!(
        of_master_key(b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", 0o400),
        None
    );
    assert!(of_master_key(&good, 0o640).unwrap().contains("may read it"));
    for bad in [&b"geheim-geheim"[..], &[0; 32], &[7; 33]] {
        let told = of_master_key(bad, 0o600).unwrap();
        assert!(told.contains("32 bytes") && !told.contains("geheim"), "{told}");
    }
}

#[test]
fn keys_and_certificates_must_belong_together() {
    let (folder, text) = seeded();
    let at = |name: &str| folder.path().join(name);
    let make = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let ((certificate, key), (_, other)) = (make(), make());
    fs::write(at("c.pem"), certificate).unwrap();
    let text = text.replace("example/portal.pem", "c.pem").replace("credential:portal-key", "k.pem");
    let told = |key: &str| {
        fs::write(at("k.pem"), key).unwrap();
        fs::set_permissions(at("k.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        load_text(&text, &at("s.toml")).map(|_| ()).map_err(|m| m[0].to_string()).err()
    };
    assert_eq!(told(&key), None);
    assert!(told(&other).unwrap().contains("does not belong"));
    assert!(told("geheim").unwrap().contains("cannot be read"));
}

#[cfg(feature = "sandbox")]
#[test]
fn nothing_of_a_sandbox_is_taken() {
    let now = jiff::Timestamp::now();
    let minted = certs_dev::mint(&[], now).unwrap();
    let (folder, text) = seeded();
    let file = folder.path().join("s.toml");
    fs::write(folder.path().join("dev.pem"), &minted.ca_pem).unwrap();
    let told = load_text(&text.replace("example/client-ca.pem", "dev.pem"), &file).unwrap_err();
    assert!(told[0].what.contains("sandbox"), "{told:?}");
    fs::write(folder.path().join("dev.pem"), &minted.server.cert_pem).unwrap();
    let told = load_text(&text.replace("example/portal.pem", "dev.pem"), &file).unwrap_err();
    assert!(told[0].what.contains("sandbox"), "{told:?}");
    let demo = folder.path().join("demo");
    fs::create_dir(&demo).unwrap();
    fs::write(demo.join("region.json"), "{}").unwrap();
    let told = load_text(&text.replace("/var/lib/sluis", demo.to_str().unwrap()), &file).unwrap_err();
    assert!(told[0].what.contains("sandbox"), "{told:?}");
}

#[test]
fn the_unit_hands_over_every_credential_that_the_example_names() {
    let unit = fs::read_to_string(example().with_file_name("sluis.service")).unwrap();
    let mut handed: Vec<&str> =
        unit.lines().filter_map(|line| line.strip_prefix("LoadCredential=")?.split(':').next()).collect();
    let text = fs::read_to_string(example()).unwrap();
    let mut named: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once("\"credential:")?.1.strip_suffix('"'))
        .collect();
    handed.sort_unstable();
    named.sort_unstable();
    assert_eq!(handed, named);
}

#[test]
fn a_directory_elsewhere_is_named_whole_or_not_at_all() {
    let told = |keys: &str| {
        let (folder, text) = seeded();
        let text = text.replacen("[directory]\n", &format!("[directory]\n{keys}\n"), 1);
        let loaded = load_text(&text, &folder.path().join("s.toml"));
        loaded.map(|loaded| loaded.config.directory).map_err(|mistakes| {
            mistakes
                .iter()
                .map(|m| format!("{}: {}; {}", m.key, m.what, m.mend))
                .collect::<Vec<_>>()
                .join("\n")
        })
    };
    assert!(told("").unwrap().is_none());
    let (url, ca) = ("url = \"https://d.example/fhir\"", "ca = [\"example/client-ca.pem\"]");
    let whole =
        told(&format!("{url}\n{ca}\nnetworks = [\"10.0.0.0/8\"]\ninterval_seconds = 60")).unwrap().unwrap();
    assert_eq!((whole.base.url(""), whole.networks.len()), ("https://d.example/fhir".to_owned(), 1));
    assert_eq!(whole.interval, Duration::from_secs(60));
    for (keys, says) in [
        (ca.to_owned(), "directory.url: is missing"),
        (url.to_owned(), "directory.url: nobody is named who may vouch"),
        (format!("url = \"http://d.example\"\n{ca}"), "directory.url: must be an https URL"),
        (format!("{url}\nca = []"), "directory.ca: must be a list"),
        (format!("{url}\nca = [\"none.pem\"]"), "directory.ca: "),
        (format!("{url}\n{ca}\nnetworks = [\"everywhere\"]"), "directory.networks: must be"),
        (format!("{url}\n{ca}\ninterval_seconds = 0"), "directory.interval_seconds: must be"),
        (format!("{url}\n{ca}\nsecret = \"x\""), "directory.secret: is not a key we know"),
    ] {
        let mistakes = told(&keys).unwrap_err();
        assert!(mistakes.contains(says), "{keys}: {mistakes}");
    }
}
