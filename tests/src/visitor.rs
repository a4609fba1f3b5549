//! Somebody at the portal with a browser that runs no script: cookies, forms, redirects.

use crate::client::{Answer, Client, Request};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A visitor with cookies of their own.
pub struct Visitor<'w> {
    world: &'w World,
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A page as it came.
#[derive(Clone, Debug)]
pub struct Page {
    /// What the server answered.
    pub answer: Answer,
    /// Where it stands, after redirects.
    pub path: String,
}

impl World {
    /// Base URL of the portal.
    #[must_use]
    pub fn portal(&self) -> &str {
        self.region()["portal"].as_str().expect("portal")
    }

    /// The secret of a login.
    #[must_use]
    pub fn secret(&self, user: &str) -> String {
        let mut logins = self.region()["logins"].as_array().expect("logins").iter();
        let login = logins.find(|login| login["user"] == user).unwrap_or_else(|| panic!("no login {user}"));
        login["secret"].as_str().expect("a secret").to_owned()
    }

    /// Somebody with a new browser.
    #[must_use]
    pub fn visitor(&self) -> Visitor<'_> {
        let address = self.portal().trim_start_matches("https://").to_owned();
        let client = Client::with_files(&self.dir().join("pki/ca.pem"), None, self.now(), address);
        Visitor { world: self, client, cookies: Mutex::default() }
    }

    /// Somebody who signed in at the door `patient` or `officer`.
    #[track_caller]
    #[must_use]
    pub fn signed_in(&self, user: &str, door: &str) -> Visitor<'_> {
        let visitor = self.visitor();
        let page = visitor.sign_in(user, door, &self.secret(user));
        assert_eq!(
            (page.answer.status, page.path.as_str()),
            (200, format!("/{door}").as_str()),
            "{}",
            page.text()
        );
        visitor
    }
}

impl Visitor<'_> {
    /// Sends one request with this browser's cookies, and keeps those that come back. Follows nothing.
    #[track_caller]
    pub fn send(&self, mut request: Request) -> Answer {
        let cookies = self.cookies.lock().expect("cookies").clone();
        if !cookies.is_empty() {
            let line =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            request = request.header("Cookie", &line);
        }
        let answer = self.client.send(&request);
        for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, rest) = line.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(rest.contains(attribute), "{name} is not {attribute}");
            }
            assert!(name.starts_with("__Host-"), "{name}");
            let mut cookies = self.cookies.lock().expect("cookies");
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// A cookie of this browser.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("cookies").get(name).cloned()
    }

    /// Puts a cookie into this browser.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().expect("cookies").insert(name.to_owned(), value.to_owned());
    }

    /// Opens a page, following where it leads.
    #[track_caller]
    pub fn open(&self, path: &str) -> Page {
        self.follow(Request::get(path))
    }

    /// Sends a form, following where it leads.
    #[track_caller]
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.follow(Request::form(path, fields))
    }

    #[track_caller]
    fn follow(&self, request: Request) -> Page {
        let mut path = request.target.clone();
        let mut answer = self.send(request);
        for _ in 0..8 {
            if answer.status != 303 {
                break;
            }
            let to = answer.header("location").expect("a place");
            to.trim_start_matches(self.world.portal()).clone_into(&mut path);
            assert!(path.starts_with('/'), "leads away: {to}");
            answer = self.send(Request::get(&path));
        }
        Page { answer, path: path.split('?').next().unwrap_or_default().to_owned() }
    }

    /// Goes through the door and fills in the provider's form.
    #[track_caller]
    pub fn sign_in(&self, user: &str, door: &str, secret: &str) -> Page {
        let page = self.open(&format!("/login/{door}"));
        assert_eq!(page.path, "/dev/authorize", "{}", page.text());
        let hidden = page.hidden();
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.extend([("user", user), ("secret", secret)]);
        self.submit("/dev/authorize", &fields)
    }
}

impl Page {
    /// The page's source.
    #[must_use]
    pub fn html(&self) -> String {
        self.answer.text()
    }

    /// What a reader sees: the text without its tags, in one line, with entities undone.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut inside = false;
        for letter in self.html().chars() {
            match letter {
                '<' => {
                    inside = true;
                    text.push(' ');
                }
                '>' => inside = false,
                letter if !inside => text.push(letter),
                _ => {}
            }
        }
        let text =
            text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text of the main part: without navigation.
    #[must_use]
    pub fn content(&self) -> String {
        let html = self.html();
        let main =
            html.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap_or_default();
        let answer = Answer { body: format!("<main{main}").into_bytes(), ..self.answer.clone() };
        Self { answer, path: self.path.clone() }.text()
    }

    /// Attribute values of links and forms: where one can go from here.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        let html = self.html();
        let found = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        found.map(|link| link.replace("&amp;", "&")).collect()
    }

    /// Hidden fields of all forms, by name.
    #[must_use]
    pub fn hidden(&self) -> BTreeMap<String, String> {
        let html = self.html();
        let fields = html.split("<input type=\"hidden\" ").skip(1).filter_map(|rest| {
            let name = rest.split("name=\"").nth(1)?.split('"').next()?;
            let value = rest.split("value=\"").nth(1)?.split('"').next()?;
            Some((name.to_owned(), value.replace("&amp;", "&")))
        });
        fields.collect()
    }

    /// The token that this session's forms carry.
    #[track_caller]
    #[must_use]
    pub fn token(&self) -> String {
        self.hidden().get("token").cloned().unwrap_or_else(|| panic!("no form: {}", self.text()))
    }

    /// The same, when it is a page.
    #[track_caller]
    #[must_use]
    pub fn ok(self) -> Self {
        assert_eq!(self.answer.status, 200, "{}: {}", self.path, self.text());
        self
    }

    /// It says this.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.text().contains(words), "{words:?} does not stand in {}", self.text());
        self
    }

    /// It does not say this.
    #[track_caller]
    pub fn hides(&self, words: &str) -> &Self {
        assert!(!self.html().contains(words), "{words:?} stands in {}", self.text());
        self
    }
}
