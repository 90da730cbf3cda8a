use std::ops::Deref;
use std::sync::Arc;

use crate::domain::{Access, PageSlug, Verdict, Visitor};

use super::{Page, Shelf};

/// A page that this visitor may see: the proof is that it exists, since only the door makes one.
#[derive(Clone, Debug)]
pub struct OpenPage {
    page: Arc<Page>,
}

/// Why the door stayed shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// There is no such page.
    NotFound,
    /// Not before we know who asks.
    SignInFirst,
    /// No, and we know who asks.
    NotAllowed {
        /// Whom to ask for the right.
        owner: Option<String>,
    },
    /// Their account may, but not what they proved it by: a token that was made for something else.
    OutOfScope,
}

impl Shelf {
    /// The door: the one place that decides whether a visitor may see a page.
    ///
    /// # Errors
    /// [`Closed`] with the reason.
    pub fn open(&self, slug: &str, visitor: &Visitor) -> Result<OpenPage, Closed> {
        let page = self.page(slug).ok_or(Closed::NotFound)?;
        match page.access.judge(visitor) {
            Verdict::Open if is_in_scope(&page, visitor) => Ok(OpenPage { page }),
            Verdict::Open => Err(Closed::OutOfScope),
            Verdict::SignInFirst => Err(Closed::SignInFirst),
            Verdict::NotAllowed => Err(Closed::NotAllowed { owner: page.owner.clone() }),
        }
    }

    /// Every page this visitor may open, in the bar's order.
    pub fn openable(&self, visitor: &Visitor) -> Vec<OpenPage> {
        let opens = |page: &Arc<Page>| page.access.judge(visitor) == Verdict::Open && is_in_scope(page, visitor);
        let mut pages: Vec<_> = self.pages().into_iter().filter(opens).collect();
        pages.sort_by(|a, b| {
            (a.order, a.title.to_lowercase(), &a.slug).cmp(&(b.order, b.title.to_lowercase(), &b.slug))
        });
        pages.into_iter().map(|page| OpenPage { page }).collect()
    }

    /// The title of a page that somebody is asked to sign in for, where every member may open it. What a page for
    /// named groups or people is called, or that there is one, is not told to strangers.
    pub fn title_behind_sign_in(&self, slug: &PageSlug) -> Option<String> {
        let page = self.page(slug.as_str())?;
        (page.access == Access::SignedIn).then(|| page.title.clone())
    }
}

/// Whether what the visitor showed is good for that page. What is public is so for everybody.
fn is_in_scope(page: &Page, visitor: &Visitor) -> bool {
    page.access == Access::Public || visitor.member().is_none_or(|member| member.scope.reads(&page.slug))
}

impl OpenPage {
    /// The page itself, for its channels.
    pub fn page(&self) -> &Arc<Page> {
        &self.page
    }

    /// Who may open it, in a word.
    pub fn access_word(&self) -> &'static str {
        match self.page.access {
            Access::Public => "public",
            Access::SignedIn => "signed in",
            Access::Only(_) => "by invitation",
        }
    }
}

impl Deref for OpenPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}
