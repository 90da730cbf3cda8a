use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::directory::{Directories, Examination, GroupWatch, LdapDirectory, Questions};
use crate::domain::{Audience, Clock, Timestamp, Username};
use crate::pages::{PageStore, referenced_groups};

/// Examines the directories for the admin page, one examination at a time, and keeps what came of the last.
pub(super) struct DiagnosticsRunner {
    directories: Arc<Directories>,
    page_store: Arc<PageStore>,
    admins: Audience,
    groups: Arc<GroupWatch>,
    clock: Arc<dyn Clock>,
    running: Mutex<()>,
    last: RwLock<Option<Arc<DiagnosticsRun>>>,
}

/// What came of an examination.
pub(super) struct DiagnosticsRun {
    pub(super) at: Timestamp,
    pub(super) reports: Vec<Examination>,
}

impl DiagnosticsRunner {
    pub(super) fn new(
        directories: Arc<Directories>,
        page_store: Arc<PageStore>,
        admins: Audience,
        groups: Arc<GroupWatch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { directories, page_store, admins, groups, clock, running: Mutex::new(()), last: RwLock::default() }
    }

    /// Examines everything, and `person` where one is named. When an examination is under way already, that one is as
    /// good: nothing is done then.
    pub(super) async fn run(&self, person: Option<&Username>) {
        let Ok(_alone) = self.running.try_lock() else { return };
        let groups = referenced_groups(Some(&self.page_store), &self.admins);
        let questions = Questions { groups: &groups, person, password: None, save_ca: None };
        let mut reports = self.directories.examine(&questions).await;
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
        self.directories.all().any(LdapDirectory::shows_people)
    }

    /// Whether an examination is under way.
    pub(super) fn is_running(&self) -> bool {
        self.running.try_lock().is_err()
    }

    /// What came of the last one.
    pub(super) fn last(&self) -> Option<Arc<DiagnosticsRun>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which groups were missing when somebody last looked.
    pub(super) fn groups(&self) -> &GroupWatch {
        &self.groups
    }

    /// The directories it examines.
    pub(super) fn directories(&self) -> &Directories {
        &self.directories
    }
}
