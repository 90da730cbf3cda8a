use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::directory::{DiagnosticsRequest, Directories, DirectoryReport, GroupWatch, LdapDirectory};
use crate::domain::{Audience, Clock, Timestamp, Username};
use crate::pages::{PageStore, referenced_groups};

/// Runs the directories' diagnostics for the admin page, one run at a time, and keeps the last results.
pub struct DiagnosticsRunner {
    directories: Arc<Directories>,
    page_store: Arc<PageStore>,
    admins: Audience,
    groups: Arc<GroupWatch>,
    clock: Arc<dyn Clock>,
    running: Mutex<()>,
    last: RwLock<Option<Arc<DiagnosticsRun>>>,
}

/// The results of a run.
pub(super) struct DiagnosticsRun {
    pub(super) at: Timestamp,
    pub(super) reports: Vec<DirectoryReport>,
}

impl DiagnosticsRunner {
    /// A runner over these directories, for the groups that pages and `admins` name.
    pub fn new(
        directories: Arc<Directories>,
        page_store: Arc<PageStore>,
        admins: Audience,
        groups: Arc<GroupWatch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { directories, page_store, admins, groups, clock, running: Mutex::new(()), last: RwLock::default() }
    }

    /// Runs all diagnostics, and looks up `person` where one is named. Does nothing while another run is under way:
    /// that one is as good.
    pub(super) async fn run(&self, person: Option<&Username>) {
        let Ok(_alone) = self.running.try_lock() else { return };
        let groups = referenced_groups(Some(&self.page_store), &self.admins);
        let questions = DiagnosticsRequest { groups: &groups, person, password: None, save_ca: None };
        let mut reports = self.directories.diagnose(&questions).await;
        for report in &mut reports {
            if let Some(seen) = &report.seen {
                let section = self.page_store.rights_section(&seen.person);
                report.sections.push(section);
            }
        }
        let run = Arc::new(DiagnosticsRun { at: self.clock.now(), reports });
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }

    /// Whether people can be looked up in some directory without their password.
    pub(super) fn can_look_up_people(&self) -> bool {
        self.directories.all().any(LdapDirectory::can_look_up_people)
    }

    /// Whether a run is under way.
    pub(super) fn is_running(&self) -> bool {
        self.running.try_lock().is_err()
    }

    /// The results of the last run.
    pub(super) fn last(&self) -> Option<Arc<DiagnosticsRun>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The watch over the groups that pages name.
    pub(super) fn groups(&self) -> &GroupWatch {
        &self.groups
    }

    /// The directories.
    pub(super) fn directories(&self) -> &Directories {
        &self.directories
    }
}
