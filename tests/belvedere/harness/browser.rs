//! A real browser: Chromium, driven by WebDriver.

use std::io;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use super::free_port::free_port;
use super::server_process;

/// How long a test waits for something that must appear. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the page is looked at meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Chromium's switches: no window, no sandbox (root has none), no connections of its own.
const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    // Whatever a page may ask for beyond this machine finds nobody, and shows up as an error in the console.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// The driver's address, started once a run.
static DRIVER: LazyLock<io::Result<String>> = LazyLock::new(|| {
    let port = free_port()?;
    let mut driver = Command::new("chromedriver");
    driver.arg(format!("--port={port}"));
    // A folder of its own is removed with the driver.
    server_process::spawn_supervised(&driver, tempfile::tempdir()?)?;
    server_process::wait_for(("127.0.0.1", port))?;
    Ok(format!("http://127.0.0.1:{port}"))
});

/// A browser with a window of its own.
pub(crate) struct Browser {
    pub(crate) client: Client,
}

/// A size of screen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Screen {
    Desktop,
    Phone,
}

impl Browser {
    /// Opens a browser, or says loudly that there is none.
    pub(crate) async fn open(screen: Screen) -> Option<Self> {
        Self::open_with(screen, json!({ "browser": "ALL", "performance": "ALL" })).await
    }

    /// Opens a browser without [`Self::requests`], for a test whose page sends too many to record.
    pub(crate) async fn open_for_long(screen: Screen) -> Option<Self> {
        Self::open_with(screen, json!({ "browser": "ALL" })).await
    }

    async fn open_with(screen: Screen, logs: Value) -> Option<Self> {
        let driver = server_process::started("Chromium with its driver", &DRIVER)?;
        let mut options = json!({ "args": SWITCHES });
        match screen {
            Screen::Desktop => options["args"].as_array_mut().unwrap().push(json!("--window-size=1440,900")),
            Screen::Phone => {
                options["mobileEmulation"] =
                    json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true } });
            }
        }
        let capabilities = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": logs,
        });
        let capabilities = capabilities.as_object().unwrap().clone();
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.into_iter().collect())
            .connect(driver)
            .await
            .expect("Chromium starts");
        Some(Self { client })
    }

    /// Goes to an address.
    pub(crate) async fn goes_to(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The address of its page.
    pub(crate) async fn is_at(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    /// The element, as soon as it is there.
    pub(crate) async fn finds(&self, css: &str) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.client.find(Locator::Css(css)).await {
                Ok(element) => return element,
                Err(error) => assert!(Instant::now() < deadline, "{css} does not appear: {error}"),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The element's text, as people see it.
    pub(crate) async fn reads(&self, css: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The element may be replaced between finding and reading it.
            match self.finds(css).await.text().await {
                Ok(text) => return text,
                Err(error) => assert!(Instant::now() < deadline, "{css} cannot be read: {error}"),
            }
        }
    }

    /// Waits until the element's text is `wanted`.
    pub(crate) async fn sees(&self, css: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The element may be replaced between finding and reading it.
            let text = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "{css} stays {text:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the element's text is `wanted`, though nobody sees it.
    pub(crate) async fn sees_hidden(&self, css: &str, wanted: impl Fn(&str) -> bool) -> Value {
        let script = format!("return document.querySelector({})?.textContent ?? ''", json!(css));
        self.waits_for(&script, |text| wanted(text.as_str().unwrap_or_default())).await
    }

    /// Runs a script, and returns its value.
    pub(crate) async fn asks(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until a script returns a value that is `wanted`.
    pub(crate) async fn waits_for(&self, script: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.asks(script).await;
            if wanted(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{script} stays {value}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Runs a command of Chromium's DevTools protocol.
    pub(crate) async fn commands(&self, name: &'static str, params: Value) -> Value {
        self.client.issue_cmd(DevTools(name, params)).await.unwrap()
    }

    /// Presses something.
    pub(crate) async fn presses(&self, css: &str) {
        self.finds(css).await.click().await.unwrap();
    }

    /// Fills in the sign-in form.
    pub(crate) async fn signs_in(&self, username: &str, password: &str) {
        let name = self.finds("input[name=username]").await;
        name.clear().await.unwrap();
        name.send_keys(username).await.unwrap();
        self.finds("input[name=password]").await.send_keys(password).await.unwrap();
        self.presses("form[action='/login'] button:not([type=button])").await;
    }

    /// Everything in the console since the last look that is worse than a note.
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        let bad = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        entries.iter().filter(bad).map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The address of every request since the last look.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let sent = |entry: &Value| -> Option<String> {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let (method, params) = (&message["message"]["method"], &message["message"]["params"]);
            let url = match method.as_str()? {
                "Network.requestWillBeSent" => &params["request"]["url"],
                "Network.webSocketCreated" => &params["url"],
                _ => return None,
            };
            Some(url.as_str()?.to_owned())
        };
        entries.iter().filter_map(sent).collect()
    }

    /// Saves a screenshot of the page, for people to look at, when `BELVEDERE_PICTURES` names a folder.
    pub(crate) async fn pictures(&self, name: &str) {
        if let Some(folder) = std::env::var_os("BELVEDERE_PICTURES") {
            let picture = self.client.screenshot().await.unwrap();
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    /// The serious or worse findings of axe-core, as `rule: elements`.
    pub(crate) async fn barriers(&self) -> Vec<String> {
        let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).expect("axe-core is there after `npm ci`");
        // A colour on its way from one theme to the other is neither's.
        let script = "const done = arguments[arguments.length - 1];
            for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
            axe.run(document, { resultTypes: ['violations'] }).then(
                (found) => done(found.violations
                    .filter((rule) => rule.impact === 'serious' || rule.impact === 'critical')
                    .map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.target.join(' ')).join(', ')}`)),
                (error) => done([String(error)]));";
        self.client.execute(&axe, Vec::new()).await.unwrap();
        let found = self.client.execute_async(script, Vec::new()).await.unwrap();
        found.as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().to_owned()).collect()
    }

    /// Gives the machine an authenticator of its own, whose owner always shows the right finger; see
    /// [`Browser::loses_its_authenticator`].
    pub(crate) async fn has_an_authenticator(&self) -> String {
        let authenticator = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": true,
        });
        let id = self.client.issue_cmd(WebAuthn::Add(authenticator)).await.unwrap();
        id.as_str().unwrap().to_owned()
    }

    /// Takes it away.
    pub(crate) async fn loses_its_authenticator(&self, id: &str) {
        self.client.issue_cmd(WebAuthn::Remove(id.to_owned())).await.unwrap();
    }

    /// Closes it.
    pub(crate) async fn closes(self) {
        self.client.close().await.unwrap();
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.client.issue_cmd(Log(kind.to_owned())).await.unwrap();
        entries.as_array().unwrap().clone()
    }
}

/// Chromium's command that takes a log.
#[derive(Debug)]
struct Log(String);

impl fantoccini::wd::WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

/// A command of the DevTools protocol, sent by WebDriver.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl fantoccini::wd::WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

/// The commands for a virtual authenticator (WebAuthn Level 3, 11.3 and 11.4).
#[derive(Debug)]
enum WebAuthn {
    Add(Value),
    Remove(String),
}

impl fantoccini::wd::WebDriverCompatibleCommand for WebAuthn {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        let authenticators = format!("session/{}/webauthn/authenticator", session.unwrap_or_default());
        match self {
            Self::Add(_) => base.join(&authenticators),
            Self::Remove(id) => base.join(&format!("{authenticators}/{id}")),
        }
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        match self {
            Self::Add(authenticator) => (http::Method::POST, Some(authenticator.to_string())),
            Self::Remove(_) => (http::Method::DELETE, None),
        }
    }
}
