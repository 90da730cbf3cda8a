use std::ops::Deref;
use std::sync::Arc;

use crate::domain::{Access, AccessDecision, PageSlug, Person, Visitor};

use super::{Page, PageStore};

/// A page that this visitor may see: the proof is that it exists, since only the door makes one.
#[derive(Clone, Debug)]
pub struct OpenPage {
    page: Arc<Page>,
}

/// Why the door stayed shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageDenied {
    /// There is no such page.
    NotFound,
    /// Not before we know who asks.
    SignInRequired,
    /// They may, once they have shown their second factor.
    SecondFactorRequired,
    /// No, and we know who asks.
    NotAllowed {
        /// Whom to ask for the right.
        owner: Option<String>,
    },
    /// Their account may, but not what they proved it by: a token that was made for something else.
    OutOfScope,
}

impl PageStore {
    /// The door: the one place that decides whether a visitor may see a page.
    ///
    /// # Errors
    /// [`Closed`] with the reason.
    pub fn open(&self, slug: &str, visitor: &Visitor) -> Result<OpenPage, PageDenied> {
        let page = self.page(slug).ok_or(PageDenied::NotFound)?;
        match page.access.evaluate(visitor) {
            AccessDecision::Allowed if !is_in_scope(&page, visitor) => Err(PageDenied::OutOfScope),
            AccessDecision::Allowed if self.lacks_second_factor(&page, visitor) => {
                Err(PageDenied::SecondFactorRequired)
            }
            AccessDecision::Allowed => Ok(OpenPage { page }),
            AccessDecision::SignInRequired => Err(PageDenied::SignInRequired),
            AccessDecision::Forbidden => Err(PageDenied::NotAllowed { owner: page.owner.clone() }),
        }
    }

    /// Every page this visitor may open, in the bar's order. Some of them after a second factor alone.
    pub fn authorized_pages(&self, visitor: &Visitor) -> Vec<ListedPage> {
        let opens =
            |page: &Arc<Page>| page.access.evaluate(visitor) == AccessDecision::Allowed && is_in_scope(page, visitor);
        let mut pages: Vec<_> = self.pages().into_iter().filter(opens).collect();
        pages.sort_by(|a, b| {
            (a.order, a.title.to_lowercase(), &a.slug).cmp(&(b.order, b.title.to_lowercase(), &b.slug))
        });
        let listed = |page: Arc<Page>| ListedPage { locked: self.lacks_second_factor(&page, visitor), page };
        pages.into_iter().map(listed).collect()
    }

    /// Whether `person` needs a second factor wherever they must sign in, as the settings say.
    pub fn requires_second_factor(&self, person: &Person) -> bool {
        self.second_factor().asks(person)
    }

    /// Whether the visitor may open the page but for a second factor. Somebody whose factor counts no more has none.
    fn lacks_second_factor(&self, page: &Page, visitor: &Visitor) -> bool {
        let Some(member) = visitor.member() else { return false };
        page.access != Access::Public
            && member.second_factor_until.is_none()
            && (page.second_factor || self.requires_second_factor(&member.person))
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
    page.access == Access::Public || visitor.member().is_none_or(|member| member.scope.can_read(&page.slug))
}

/// A page in a list: what it is called and for whom, and no way into it.
#[derive(Clone, Debug)]
pub struct ListedPage {
    page: Arc<Page>,
    locked: bool,
}

impl ListedPage {
    /// Whether it opens after a second factor alone.
    pub fn is_locked(&self) -> bool {
        self.locked
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

impl Deref for ListedPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl OpenPage {
    /// The page itself, for its channels.
    pub fn page(&self) -> &Arc<Page> {
        &self.page
    }
}

impl Deref for OpenPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}
