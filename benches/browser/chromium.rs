//! Chromium by its driver, and the work of its page's own thread.

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

/// How long Chromium may take to start, and a page to be live.
const PATIENCE: Duration = Duration::from_mins(1);

/// The warm-up before anything counts: the page's code is compiled by then.
const WARM_UP: Duration = Duration::from_secs(5);

/// Chromium's switches, as for the tests: no window, no sandbox (root has none), no connections of its own.
const SWITCHES: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
];

/// The trace category with the tasks of each thread.
const TRACE_CATEGORY: &str = "toplevel";

/// The trace's name for a task.
const TASK_EVENT: &str = "ThreadControllerImpl::RunTask";

/// A script that counts how often charts are drawn.
const COUNT_SCRIPT: &str = "
    window.drawn = 0;
    const { clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...all) {
        window.drawn += 1;
        return clearRect.apply(this, all);
    };";

/// The measurements of one run.
pub(crate) struct Measurements {
    pub(crate) length: Duration,
    /// The processor time and the duration of each task of the page's own thread; a frame is one task.
    pub(crate) tasks: Vec<Task>,
    /// How often a chart was drawn.
    pub(crate) drawn: f64,
    /// Processor time of the page's thread: all of it, and of that, script, style and layout.
    pub(crate) busy: Duration,
    pub(crate) script: Duration,
    pub(crate) layout: Duration,
    /// Bytes of scripts, as they came over the wire, and how many.
    pub(crate) scripts: (f64, usize),
}

#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) cpu: Duration,
    pub(crate) elapsed: Duration,
}

pub(crate) struct Chromium {
    client: Client,
    driver: Child,
}

impl Chromium {
    pub(crate) async fn open(width: u32, height: u32) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there (Debian: chromium-driver)");
        let window = format!("--window-size={width},{height}");
        let switches: Vec<&str> = SWITCHES.into_iter().chain([window.as_str()]).collect();
        let traced = json!({ "enableNetwork": false, "enablePage": false, "traceCategories": TRACE_CATEGORY });
        let capabilities = json!({
            "goog:chromeOptions": { "args": switches, "perfLoggingPrefs": traced },
            "goog:loggingPrefs": { "performance": "ALL" },
        });
        let capabilities = capabilities.as_object().unwrap().clone();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connector = hyper_util::client::legacy::connect::HttpConnector::new();
            let mut builder = ClientBuilder::new(connector);
            builder.capabilities(capabilities.clone().into_iter().collect());
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => return Self { client, driver },
                Err(error) => assert!(Instant::now() < deadline, "Chromium does not start: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Opens `url`, and waits until the page is live.
    pub(crate) async fn goes_to(&self, url: &str) {
        self.client.goto(url).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        while self.execute("return document.querySelector('#connection')?.dataset.state").await != "live" {
            assert!(Instant::now() < deadline, "{url} is not live");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Measures the page for the time `length`.
    pub(crate) async fn watches(&self, length: Duration) -> Measurements {
        tokio::time::sleep(WARM_UP).await;
        self.devtools("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
        let before = self.metrics().await;
        self.execute(COUNT_SCRIPT).await;
        let began = Instant::now();
        tokio::time::sleep(length).await;
        let after = self.metrics().await;
        let length = began.elapsed();
        let drawn = self.execute("return window.drawn").await;
        let tasks = self.tasks_of_the_last(length).await;
        let scripts = "return performance.getEntriesByType('resource')
            .filter((one) => new URL(one.name).pathname.endsWith('.js')).map((one) => one.encodedBodySize)";
        let scripts = numbers(&self.execute(scripts).await);
        let took = |name: &str| Duration::from_secs_f64(metric(&after, name) - metric(&before, name));
        Measurements {
            length,
            tasks,
            drawn: drawn.as_f64().unwrap(),
            busy: took("TaskDuration"),
            script: took("ScriptDuration"),
            layout: took("LayoutDuration") + took("RecalcStyleDuration"),
            scripts: (scripts.iter().sum(), scripts.len()),
        }
    }

    pub(crate) async fn closes(self) {
        self.client.clone().close().await.unwrap();
    }

    /// The tasks of the busiest page's own thread in the last `length`. The trace can be read once.
    async fn tasks_of_the_last(&self, length: Duration) -> Vec<Task> {
        let entries = self.client.issue_cmd(TakeTrace).await.unwrap();
        let mut main_threads = HashSet::new();
        let mut tasks: HashMap<u64, Vec<(Duration, Task)>> = HashMap::new();
        for entry in entries.as_array().unwrap() {
            let entry: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let event = &entry["message"]["params"];
            let Some(thread) = event["tid"].as_u64() else { continue };
            if event["name"] == "thread_name" && event["args"]["name"] == "CrRendererMain" {
                main_threads.insert(thread);
            }
            let micros = |key: &str| event[key].as_f64().map(|micros| Duration::from_secs_f64(micros / 1e6));
            if let (true, Some(cpu), Some(elapsed), Some(at)) =
                (event["name"] == TASK_EVENT, micros("tdur"), micros("dur"), micros("ts"))
            {
                tasks.entry(thread).or_default().push((at, Task { cpu, elapsed }));
            }
        }
        let end = tasks.values().flatten().map(|(at, _)| *at).max().unwrap_or_default();
        let of_pages = tasks.into_iter().filter(|(thread, _)| main_threads.contains(thread)).map(|(_, tasks)| tasks);
        let lately = of_pages.map(|tasks| {
            tasks.into_iter().filter(|(at, _)| end.saturating_sub(*at) <= length).map(|(_, task)| task).collect::<Vec<Task>>()
        });
        let page = lately.max_by_key(|tasks| tasks.iter().map(|task| task.cpu).sum::<Duration>()).unwrap_or_default();
        assert!(!page.is_empty(), "Chromium traced no task of the page");
        page
    }

    async fn metrics(&self) -> Value {
        self.devtools("Performance.getMetrics", json!({})).await
    }

    async fn execute(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    async fn devtools(&self, name: &'static str, params: Value) -> Value {
        self.client.issue_cmd(DevToolsCommand(name, params)).await.unwrap()
    }
}

/// Stops the driver, however the measurement ends.
impl Drop for Chromium {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn metric(metrics: &Value, name: &str) -> f64 {
    let found = metrics["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name);
    found.unwrap_or_else(|| panic!("Chromium has no metric {name}"))["value"].as_f64().unwrap()
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Chromium's command that takes the trace log.
#[derive(Debug)]
struct TakeTrace;

impl fantoccini::wd::WebDriverCompatibleCommand for TakeTrace {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "performance" }).to_string()))
    }
}

/// A command of the DevTools protocol, sent by WebDriver.
#[derive(Debug)]
struct DevToolsCommand(&'static str, Value);

impl fantoccini::wd::WebDriverCompatibleCommand for DevToolsCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}
