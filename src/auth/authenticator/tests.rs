//! Schemes that there are none of yet, played through the list: one of two legs, and one of another header.

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::audit::log_capture::LogCapture;
use crate::auth::scheme::credentials;
use crate::domain::{Client, Person, PersonEpoch, PersonId, SystemClock, Timestamp};

const LEGS_PATH: &str = "/login/legs";

/// Two legs on a path of its own, as Negotiate has them (RFC 4559).
struct TwoLegs;

#[async_trait]
impl AuthScheme for TwoLegs {
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        request.path() == LEGS_PATH && credentials(request, "Legs").is_some()
    }

    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        match credentials(request, "Legs") {
            Some("first") => Err(Rejection::continue_with(Some("Legs 42".to_owned())).into()),
            Some("second-42") => Ok(member("alice")),
            _ => Err(Rejection::new("wrong-credentials", "That is not the way").audited("wrong-credentials").into()),
        }
    }

    fn challenge(&self, request: &dyn AuthRequest) -> Option<String> {
        (request.path() == LEGS_PATH).then(|| "Legs".to_owned())
    }
}

/// A header in which a proxy names somebody.
struct ProxyHeader;

#[async_trait]
impl AuthScheme for ProxyHeader {
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        !request.headers("X-User").is_empty()
    }

    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        match request.headers("X-User")[..] {
            [name] => Ok(member(name)),
            _ => Err(Rejection::unreadable("There is more than one").into()),
        }
    }
}

struct Request {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    is_browser: bool,
}

impl AuthRequest for Request {
    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &str {
        self.path
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    fn cookie(&self, _name: &str) -> Option<&str> {
        None
    }

    fn client(&self) -> Client {
        Client::default()
    }

    fn is_browser(&self) -> bool {
        self.is_browser
    }

    fn is_of_page(&self) -> bool {
        self.is_browser && self.path != "/api"
    }
}

fn member(name: &str) -> Visitor {
    let person = Person { id: PersonId::new(format!("toy:{name}")), ..Person::named(name) };
    Member::per_request(person, Timestamp::from_millis(0), PersonEpoch::default()).into()
}

fn request(path: &'static str, headers: &[(&'static str, &str)]) -> Request {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Request { path, headers, is_browser: false }
}

/// The outcome of a request: the person's name, nothing where they are anonymous, or the code and the challenges of a rejection.
async fn outcome(request: &Request) -> String {
    let folder = tempfile::tempdir().unwrap();
    let epochs = PersonEpochs::open(&folder.path().join("epochs.db"), Arc::new(SystemClock)).await.unwrap();
    let schemes: Vec<Box<dyn AuthScheme>> = vec![Box::new(TwoLegs), Box::new(ProxyHeader)];
    let authenticator = Authenticator { schemes, audit: Audit::new(), epochs };
    match authenticator.authenticate(request).await {
        Ok(visitor) => visitor.member().map(|member| member.person.username.clone()).unwrap_or_default(),
        Err(AuthError::Rejected(rejection)) => {
            let challenges = authenticator.challenges(request, Some(&rejection));
            format!("{} {challenges:?}", rejection.code)
        }
        Err(AuthError::Unavailable(cause)) => cause,
    }
}

#[tokio::test]
async fn a_leg_is_answered_with_the_challenge_to_go_on_with_and_the_last_one_proves() {
    let log = LogCapture::new();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::fmt().with_writer(log.clone()).finish());
    let at = |sent: &str| request(LEGS_PATH, &[("Authorization", sent)]);
    assert_eq!(outcome(&at("legs first")).await, "sign-in [\"Legs 42\"]");
    assert_eq!(log.text(), "", "a leg is no refusal");
    assert_eq!(outcome(&at("Legs second-42")).await, "alice");
    assert_eq!(outcome(&at("Legs third")).await, "wrong-credentials [\"Legs\"]");
    assert!(log.text().contains("wrong-credentials"), "{}", log.text());
    // Elsewhere it is no scheme that is known.
    assert_eq!(outcome(&request("/", &[("Authorization", "Legs second-42")])).await, "bad-authorization []");
}

#[tokio::test]
async fn a_scheme_may_go_by_any_header_and_what_is_not_known_is_passed_over_for_it() {
    assert_eq!(outcome(&request("/", &[("x-user", "bob")])).await, "bob");
    let oversized = format!("Legs {}", "x".repeat(9_000));
    for unknown in ["Negotiate YII", "", "Legs", &oversized] {
        let mut unasked = request("/", &[("Authorization", unknown), ("X-User", "bob")]);
        assert_eq!(outcome(&unasked).await, "bob", "{unknown}");
        unasked.headers.pop();
        assert_eq!(outcome(&unasked).await, "bad-authorization []", "a script is told of it: {unknown}");
        unasked.is_browser = true;
        assert_eq!(outcome(&unasked).await, "", "nobody told the browser to send it: {unknown}");
        unasked.path = "/api";
        assert_eq!(outcome(&unasked).await, "bad-authorization []", "the API is for programs: {unknown}");
    }
    for known in ["Legs third", "Legs", "legs ", "Legs\tsecond-42", "Legs:second-42"] {
        let mut known = request(LEGS_PATH, &[("Authorization", known), ("X-User", "bob")]);
        known.is_browser = true;
        assert_eq!(outcome(&known).await, "wrong-credentials [\"Legs\"]", "a known one decides, garbled or not");
    }
    let long = request(LEGS_PATH, &[("Authorization", &oversized), ("X-User", "bob")]);
    assert_eq!(outcome(&long).await, "bob", "one that is too long is not looked at");
    let two = request("/", &[("Authorization", "Negotiate YII"), ("Authorization", "Negotiate YII"), ("X-User", "bob")]);
    assert_eq!(outcome(&two).await, "bad-authorization []");
}
