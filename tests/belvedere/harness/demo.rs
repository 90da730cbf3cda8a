//! A house whose people are the sample people of the embedded directory. Needs no server and no root.

use std::sync::Arc;

use belvedere::demo_directory::{Account, EmbeddedDirectory, Sample};
use belvedere::domain::{Clock, SystemClock};

use super::house::{House, Plan};
use super::wire::Wire;

/// The house, its directory, and the wire between the two.
pub(crate) struct Demo {
    pub(crate) house: House,
    pub(crate) directory: EmbeddedDirectory,
    pub(crate) wire: Wire,
}

/// The same in plan.
pub(crate) struct DemoPlan {
    plan: Plan,
    directory: EmbeddedDirectory,
    wire: Wire,
}

impl Demo {
    /// A house on an embedded directory of its own.
    pub(crate) async fn plan() -> DemoPlan {
        Self::plan_with(Arc::new(SystemClock)).await
    }

    /// The same, by the test's clock.
    pub(crate) async fn plan_with(clock: Arc<dyn Clock>) -> DemoPlan {
        let directory = EmbeddedDirectory::start(&Sample::demo(), Arc::clone(&clock)).await.unwrap();
        let wire = Wire::to(&directory.url()).await;
        let plan = Plan::with_directory(&wire.url()).clock(clock);
        DemoPlan { plan, directory, wire }
    }

    /// Shuts the house in good order and opens it again, as it was left.
    pub(crate) async fn again(self) -> Self {
        let Self { house, directory, wire } = self;
        let plan = Plan::again(&house, &wire.url());
        house.close().await;
        Self { house: plan.open().await, directory, wire }
    }

    /// The sample password of somebody.
    pub(crate) fn password(&self, username: &str) -> &str {
        &self.account(username).password
    }

    fn account(&self, username: &str) -> &Account {
        self.directory.accounts().iter().find(|account| account.username == username).unwrap()
    }
}

impl DemoPlan {
    /// See [`Plan::set`].
    pub(crate) fn set(mut self, path: &str, value: impl Into<serde_json::Value>) -> Self {
        self.plan = self.plan.set(path, value);
        self
    }

    /// See [`Plan::page`].
    pub(crate) fn page(mut self, slug: &str, text: &str) -> Self {
        self.plan = self.plan.page(slug, text);
        self
    }

    /// See [`Plan::sample_pages`].
    pub(crate) fn sample_pages(mut self) -> Self {
        self.plan = self.plan.sample_pages();
        self
    }

    /// Opens the house.
    pub(crate) async fn open(self) -> Demo {
        Demo { house: self.plan.open().await, directory: self.directory, wire: self.wire }
    }
}

/// A page with one panel of the machine's own, without its `access`.
pub(crate) fn page(title: &str) -> String {
    format!(
        "title = \"{title}\"\n\n[[panel]]\nid = \"uptime\"\ntitle = \"Uptime\"\nkind = \"stat\"\nsource = \"host\"\n\
         query = \"uptime\"\nevery = \"1s\"\n"
    )
}
