//! OAuth 2 client credentials (RFC 6749, section 4.4): a token that a token server gives for an id and a secret, kept until shortly
//! before it expires.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::form_urlencoded;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::authorization::{basic, bearer, sensitive};
use super::error::request_error;
use super::request::read_body;
use super::url_template::UrlTemplate;
use crate::config::{Fields, Secret, Setting, read_required_secret};
use crate::domain::{Bindings, Clock, Timestamp};
use crate::sources::SourceError;

/// The lifetime of a token whose server does not tell it: short, as some servers' are.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(1);

/// A token is not used for this long before its end, since a request takes a while.
const MARGIN: Duration = Duration::from_secs(15);

/// The largest answer with a token: those with many claims in them are some KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The key of the table with the credentials.
pub(super) const OAUTH: &str = "oauth";

/// The credentials for a token server.
#[derive(Clone, Debug)]
pub(super) struct OauthSettings {
    pub(super) token_url: Arc<UrlTemplate>,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
}

/// The token of a source.
pub(super) struct OauthToken {
    settings: OauthSettings,
    client: Client,
    clock: Arc<dyn Clock>,
    current: Mutex<Option<IssuedToken>>,
}

struct IssuedToken {
    header: HeaderValue,
    good_until: Timestamp,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
}

/// The table `oauth`.
pub(super) fn oauth() -> Setting<Option<OauthSettings>> {
    Setting::new(None, "none", "table", |fields, key| read(fields.table(key)?).map(Some))
}

fn read(mut fields: Fields<'_>) -> Option<OauthSettings> {
    fields.require("token_url", "say who gives tokens: `token_url = \"https://login.corp.example.com/token\"`");
    fields.require("client_id", "say who asks for them: `client_id = \"belvedere\"`");
    let token_url = fields.located_string("token_url");
    let client_id = fields.string("client_id");
    let help = "set `client_secret_file`, or `client_secret`";
    let secret = read_required_secret(&mut fields, "client_secret", "client_secret_file", help);
    let scope = fields.optional("scope", None, |fields, key| fields.string(key).map(Some));
    let sink = fields.sink;
    fields.finish();
    let token_url = token_url?;
    let template = match UrlTemplate::parse(&token_url.value) {
        Ok(template) if template.placeholders().next().is_none() => template,
        Ok(_) => {
            sink.report(&token_url.location, "`token_url` has an input in it", "write the whole address");
            return None;
        }
        Err(invalid) => {
            sink.report(&token_url.location, format!("`token_url` {}", invalid.message), invalid.help);
            return None;
        }
    };
    Some(OauthSettings { token_url: Arc::new(template), client_id: client_id?, client_secret: secret?.value, scope: scope? })
}

impl OauthToken {
    /// The token that `client`, which follows no redirects, is given for these credentials.
    pub(super) fn new(settings: OauthSettings, client: Client, clock: &Arc<dyn Clock>) -> Self {
        Self { settings, client, clock: Arc::clone(clock), current: Mutex::default() }
    }

    /// The value of `Authorization`. Of requests at the same time, one asks for it.
    ///
    /// # Errors
    /// A [`SourceError`] that names the token server, and nothing of the credentials.
    pub(super) async fn header(&self) -> Result<HeaderValue, SourceError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| self.clock.now() < token.good_until) {
            return Ok(token.header.clone());
        }
        let issued = self.issue().await?;
        let header = issued.header.clone();
        *current = Some(issued);
        Ok(header)
    }

    /// Forgets the token, which the server has refused: the next request asks for another.
    pub(super) async fn forget(&self) {
        *self.current.lock().await = None;
    }

    async fn issue(&self) -> Result<IssuedToken, SourceError> {
        let host = self.settings.token_url.host();
        let asked_at = self.clock.now();
        let url = self.settings.token_url.bind(&Bindings::new())?;
        let request = self
            .client
            .post(url)
            .header(AUTHORIZATION, self.settings.basic()?)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.settings.form());
        let response = request.send().await.map_err(|error| request_error(&host, &error))?;
        let status = response.status();
        if !status.is_success() {
            let message = format!("{host} gave no token: it answered {}; see `oauth` in the source's table", status.as_u16());
            return Err(SourceError::Refused(message));
        }
        let body =
            Zeroizing::new(read_body(&host, response, MAX_ANSWER_BYTES, || format!("{host} sent more than a token")).await?);
        let no_token = || SourceError::BadAnswer(format!("{host} did not answer with a token"));
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| no_token())?;
        let header = sensitive(&bearer(&answer.access_token)).ok_or_else(no_token)?;
        let lifetime = answer.expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs);
        Ok(IssuedToken { header, good_until: asked_at + lifetime.saturating_sub(MARGIN) })
    }
}

impl OauthSettings {
    /// The credentials, form-encoded each before they are joined (RFC 6749, section 2.3.1).
    fn basic(&self) -> Result<HeaderValue, SourceError> {
        let encoded = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
        let (id, secret) = (encoded(&self.client_id), encoded(self.client_secret.expose()));
        sensitive(&basic(&id, &secret))
            .ok_or_else(|| SourceError::Broken("the credentials cannot be sent as a header".to_owned()))
    }

    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.scope {
            form.append_pair("scope", scope);
        }
        form.finish()
    }
}
