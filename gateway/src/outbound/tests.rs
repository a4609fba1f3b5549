use super::{Allowance, Base, Client, Fault, Ours, Question, forbidden};
use std::net::IpAddr;

/// Sixty ways to write an address that is none of a holder's, as literals.
const NEVER: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.254",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.9",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff::1",
    "2001:db8::1",
    "3fff::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd00::1",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff00::1",
    "ff02::1",
    "ff05::2",
    "4000::1",
    "8000::1",
    "5f00::1",
    "1::1",
];

#[test]
fn no_address_of_a_machine_nearby_is_connected_to() {
    assert!(NEVER.len() >= 60);
    for text in NEVER {
        let address: IpAddr = text.parse().unwrap();
        assert!(forbidden(address).is_some(), "{text}");
    }
    for text in
        ["8.8.8.8", "145.21.3.4", "172.32.0.1", "100.128.0.1", "2a00:1450:400e::1", "2001:4860:4860::8888"]
    {
        assert_eq!(forbidden(text.parse().unwrap()), None, "{text}");
    }
}

#[test]
fn a_base_is_a_place_and_nothing_more() {
    for good in [
        "https://ehr.example",
        "https://ehr.example/fhir/R4",
        "https://EHR.example:8443/fhir/",
        "https://[2a00::1]/x",
    ] {
        assert!(Base::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "http://ehr.example",
        "ehr.example",
        "https://",
        "https://user@ehr.example",
        "https://a:b@ehr.example/",
        "https://ehr.example/?x=1",
        "https://ehr.example/#f",
        "https://ehr.example/a/../b",
        "https://ehr.example/%2e%2e/b",
        "https://ehr.example/a%2fb",
        "https://ehr.example\\@evil.example",
        "https://ehr .example",
        "ftp://ehr.example",
        "file:///etc/passwd",
        "https://ehr.example:99999",
        "//ehr.example",
        "https://ehr.example\u{0000}",
        "",
    ] {
        assert!(Base::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_what_lies_under_the_base_is_followed() {
    let base = Base::parse("https://ehr.example/fhir/R4").unwrap();
    let below = |url: &str| base.below(url);
    assert_eq!(below("https://ehr.example/fhir/R4/Condition?page=2").as_deref(), Some("/Condition?page=2"));
    assert_eq!(below("https://ehr.example:443/fhir/R4?_getpages=a").as_deref(), Some("?_getpages=a"));
    assert_eq!(below("https://EHR.example/fhir/R4/x").as_deref(), Some("/x"));
    for other in [
        "https://evil.example/fhir/R4/Condition",
        "http://ehr.example/fhir/R4/Condition",
        "https://ehr.example:444/fhir/R4/Condition",
        "https://ehr.example/fhir/R4evil/Condition",
        "https://ehr.example/admin",
        "https://ehr.example/fhir/R4/../../admin",
        "https://ehr.example/fhir/R4/%2E%2e/x",
        "https://ehr.example@evil.example/fhir/R4/x",
        "//evil.example/fhir/R4/x",
        "Condition?page=2",
        "/fhir/R4/Condition",
        "https://ehr.example/fhir/R4/x?a=\u{e9}",
        "javascript:alert(1)",
    ] {
        assert_eq!(below(other), None, "{other}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = async |host: &str, networks: &[&str]| {
        let networks: Vec<ipnet::IpNet> = networks.iter().map(|n| n.parse().unwrap()).collect();
        let Ok(base) = Base::parse(&format!("https://{host}:{port}/fhir")) else { return Fault::Name };
        let client = Client::new(base, &Ours::default(), &networks).unwrap();
        let allowance = Allowance::of(1000);
        let question =
            Question { below: "/metadata", form: None, accept: "*/*", bearer: None, allowance: &allowance };
        client.ask(&question).await.err().unwrap()
    };
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
        assert!(matches!(asked(host, &[]).await, Fault::Address(_)), "{host}");
    }
    // Numbers in other forms are names to a resolver, which may know what they mean.
    for host in
        ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "localhost.", "localhost.localdomain"]
    {
        assert!(matches!(asked(host, &[]).await, Fault::Address(_) | Fault::Name), "{host}");
    }
    // Nothing of it reached the listener.
    let quiet = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(quiet.is_err(), "somebody connected");
    // Where the operator named the network, it is tried: here nobody speaks TLS.
    drop(listener);
    assert_eq!(asked("127.0.0.1", &["127.0.0.0/8"]).await, Fault::Unreachable);
}
