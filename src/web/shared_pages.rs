use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use rocket_dyn_templates::Metadata;
use serde::Serialize;

use super::composed::Composed;
use super::html::{Html, SharedContext, split_own};
use crate::domain::Clock;
use crate::live::Rendition;

/// How long a rendition is used: what it is made of is looked at again this often.
const LIFETIME: Duration = Duration::from_secs(1);

/// The most renditions that are kept: a form's variants are the themes, times the pages that people come for.
const MAX_RENDITIONS: usize = 64;

/// The site's pages that are the same for everybody but for a few parts, each variant rendered at most once a second. Strangers
/// may ask for them as often as they like, and a template is what costs most of a request.
pub struct SharedPages {
    /// By template and context.
    renditions: Cache<String, Arc<Rendition>>,
    clock: Arc<dyn Clock>,
}

impl SharedPages {
    /// No renditions yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { renditions: Cache::new(MAX_RENDITIONS), clock }
    }

    /// The page of one visitor, composed of what its template makes of the view that all have, `shared`, and of what
    /// `own_template` puts into the gaps for this visitor. `None` where the two do not fit, as an overlay's templates may leave
    /// no gaps, or others.
    pub(super) fn compose<V: Serialize>(
        &self,
        templates: &Metadata<'_>,
        page: &Html<V>,
        own_template: &'static str,
        shared: V,
    ) -> Option<Composed> {
        let now = self.clock.now();
        let context = SharedContext::new(&page.context().layout, shared);
        let key = format!("{} {}", page.template(), serde_json::to_string(&context).ok()?);
        let known = self.renditions.get(&key).filter(|rendition| rendition.is_current(now));
        let rendition = if let Some(rendition) = known {
            rendition
        } else {
            let (_, html) = templates.render(page.template().to_owned(), context)?;
            let rendition = Arc::new(Rendition::new(split_own(&html), Some(now + LIFETIME)));
            self.renditions.insert(key, Arc::clone(&rendition));
            rendition
        };
        let (_, parts) = templates.render(own_template, page.context())?;
        Composed::page(rendition, split_own(&parts).collect())
    }
}
