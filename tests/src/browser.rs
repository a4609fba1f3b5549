//! A real browser: Chromium without a window, driven over WebDriver (W3C) by its own driver. Where the machine has none,
//! [`Browser::start`] says so.

use crate::client::plain_with;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A browser with one window and no past.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    _profile: tempfile::TempDir,
}

/// Whether pages may run scripts of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scripts {
    /// As usual.
    On,
    /// As in a browser where somebody switched them off.
    Off,
}

impl Browser {
    /// Starts one; `None`, and a line that says so, where `chromedriver` is not installed.
    #[must_use]
    pub fn start(width: u32, scripts: Scripts) -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.args(["--port=0", "--log-level=SEVERE"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut driver) = command.spawn() else {
            eprintln!("skipped: no chromedriver on this machine, so no real browser");
            return None;
        };
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("started successfully on port ")?;
            rest.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = format!("127.0.0.1:{}", port.expect("chromedriver says its port"));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let profile = tempfile::tempdir().expect("a folder");
        let setting = if scripts == Scripts::Off { 2 } else { 1 };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": true,
            // A page may still be on its way when something in it is asked for.
            "timeouts": {"implicit": 5_000},
            "goog:chromeOptions": {
                "mobileEmulation": {"deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1.0, "touch": false}},
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=nl",
                    format!("--window-size={width},900"), format!("--user-data-dir={}", profile.path().display()),
                ],
                "prefs": {
                    "intl.accept_languages": "nl",
                    "profile.managed_default_content_settings.javascript": setting,
                },
            },
        }}});
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        let begun = browser.call("POST", "/session", &wanted);
        begun["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        Some(browser)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let answer = plain_with(&self.address, method, path, body.as_bytes());
        let value = answer.json()["value"].clone();
        assert_eq!(answer.status, 200, "{method} {path}: {value}");
        value
    }

    #[track_caller]
    fn command(&self, method: &str, command: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}{command}", self.session), body)
    }

    /// Opens an address.
    #[track_caller]
    pub fn open(&self, url: &str) {
        let _done = self.command("POST", "/url", &json!({"url": url}));
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.command("POST", "/element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    /// Clicks on the first element of a selector.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        let _done = self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into a field.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        let _done = self.command("POST", &format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// The text of an element as it is shown.
    #[track_caller]
    #[must_use]
    pub fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        self.command("GET", &format!("/element/{element}/text"), &json!({}))
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Where it stands.
    #[track_caller]
    #[must_use]
    pub fn url(&self) -> String {
        self.command("GET", "/url", &json!({})).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until it stands there: redirects may go on after a click.
    #[track_caller]
    pub fn arrives(&self, url: &str) {
        for _ in 0..200 {
            if self.url() == url {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{} is not {url}: {}", self.url(), self.text("main"));
    }

    /// Waits until an element shows exactly these words: after a press the page before it may still stand there.
    #[track_caller]
    pub fn shows(&self, selector: &str, words: &str) {
        let try_once = || {
            let call = |method: &str, command: &str, body: &str| {
                let path = format!("/session/{}{command}", self.session);
                let answer = plain_with(&self.address, method, &path, body.as_bytes());
                (answer.status == 200).then(|| answer.json()["value"].clone())
            };
            let wanted = json!({"using": "css selector", "value": selector}).to_string();
            let found = call("POST", "/element", &wanted)?;
            let id = found.as_object()?.values().next()?.as_str()?.to_owned();
            Some(call("GET", &format!("/element/{id}/text"), "")?.as_str()?.to_owned())
        };
        for _ in 0..200 {
            if try_once().as_deref() == Some(words) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{selector} does not show {words}: {}", self.text("main"));
    }

    /// Runs a probe of ours in the page.
    #[track_caller]
    #[must_use]
    pub fn probe(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Presses the tabulator and says which element has the focus then: its tag and text.
    #[track_caller]
    #[must_use]
    pub fn tab(&self) -> String {
        let press = json!({"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": "\u{e004}"}, {"type": "keyUp", "value": "\u{e004}"},
        ]}]});
        let _done = self.command("POST", "/actions", &press);
        let script = "const e = document.activeElement; return e.tagName + ' ' + (e.id || e.textContent || e.name || '').trim();";
        self.probe(script).as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            let _ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                plain_with(&self.address, "DELETE", &path, b"")
            }));
        }
        let _killed = self.driver.kill();
        let _reaped = self.driver.wait();
    }
}
