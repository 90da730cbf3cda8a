//! A flood: strangers who go on until it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::inner_source::InnerSource;
use crate::program::Program;

/// How long a flood goes on before anything is measured.
const RUN_UP: Duration = Duration::from_secs(5);

pub(crate) struct Flood {
    strangers: JoinSet<()>,
    answered: Arc<AtomicUsize>,
    most_memory: Arc<AtomicU64>,
    asked_before: usize,
    began: Instant,
}

impl Flood {
    /// A flood without strangers.
    pub(crate) fn start(source: &InnerSource) -> Self {
        Self {
            strangers: JoinSet::new(),
            answered: Arc::default(),
            most_memory: Arc::default(),
            asked_before: source.asked(),
            began: Instant::now(),
        }
    }

    /// Adds a stranger, who counts what is answered.
    pub(crate) fn joins<F: Future<Output = ()> + Send + 'static>(&mut self, stranger: impl FnOnce(Arc<AtomicUsize>) -> F) {
        self.strangers.spawn(stranger(Arc::clone(&self.answered)));
    }

    /// Notes the program's largest memory.
    pub(crate) fn samples_memory(&mut self, program: &Program) {
        let (memory, sampler) = (Arc::clone(&self.most_memory), program.sampler());
        self.strangers.spawn(async move {
            loop {
                memory.fetch_max(sampler.resident_mebibytes(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Waits until it is in full course.
    pub(crate) async fn has_begun(&self) {
        tokio::time::sleep(RUN_UP).await;
    }

    /// Ends it, and says what it had.
    pub(crate) fn end(self, program: &Program, source: &InnerSource) -> String {
        let seconds = self.began.elapsed().as_secs().max(1);
        let asked = u64::try_from(source.asked() - self.asked_before).unwrap_or(u64::MAX) / seconds;
        let memory = self.most_memory.load(Ordering::Relaxed).max(program.sampler().resident_mebibytes());
        format!("{} answers, {asked} queries a second at the source, {memory} MiB", self.answered.load(Ordering::Relaxed))
    }
}
