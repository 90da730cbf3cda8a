use std::ops::Deref;
use std::sync::Arc;

use crate::domain::{Access, AccessDecision, PageSlug, Person, Visitor};

use super::{Page, PageStore};

/// A page that a visitor is authorized to see. Only the door makes one, so having it is the proof.
#[derive(Clone, Debug)]
pub struct OpenPage {
    page: Arc<Page>,
}

/// The reason why a visitor may not see a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageDenied {
    /// There is no such page.
    NotFound,
    /// Only members may see it, and the visitor is not signed in.
    SignInRequired,
    /// The member may see it once they have proved their second factor.
    SecondFactorRequired,
    /// The member may not see it.
    NotAllowed {
        /// The page's owner, to ask for the right.
        owner: Option<String>,
    },
    /// The account may see it, but the token's scope does not include it.
    OutOfScope,
}

impl PageStore {
    /// Authorizes a visitor to see a page. This is the door: the one place that decides it.
    ///
    /// # Errors
    /// [`PageDenied`] with the reason.
    pub fn authorize(&self, slug: &str, visitor: &Visitor) -> Result<OpenPage, PageDenied> {
        let page = self.page(slug).ok_or(PageDenied::NotFound)?;
        match page.access.evaluate(visitor) {
            AccessDecision::Allowed if !is_in_scope(&page, visitor) => Err(PageDenied::OutOfScope),
            AccessDecision::Allowed if self.lacks_second_factor(&page, visitor) => Err(PageDenied::SecondFactorRequired),
            AccessDecision::Allowed => Ok(OpenPage { page }),
            AccessDecision::SignInRequired => Err(PageDenied::SignInRequired),
            AccessDecision::Forbidden => Err(PageDenied::NotAllowed { owner: page.owner.clone() }),
        }
    }

    /// Every page this visitor may open, in the navigation's order. Some of them only after a second factor.
    pub fn authorized_pages(&self, visitor: &Visitor) -> Vec<ListedPage> {
        let mut pages = self.all_pages(visitor);
        pages.retain(ListedPage::is_authorized);
        pages
    }

    /// Every page, in the navigation's order, for an administrator: that it is there, and not what it shows.
    pub fn all_pages(&self, visitor: &Visitor) -> Vec<ListedPage> {
        let listed = |page: Arc<Page>| ListedPage {
            is_authorized: page.access.evaluate(visitor) == AccessDecision::Allowed && is_in_scope(&page, visitor),
            locked: self.lacks_second_factor(&page, visitor),
            page,
        };
        self.pages_in_order().into_iter().map(listed).collect()
    }

    /// Whether the settings require a second factor of `person` wherever they must sign in.
    pub fn requires_second_factor(&self, person: &Person) -> bool {
        self.second_factor().required_for(person)
    }

    /// Whether only a second factor is missing for the page. One that has expired is missing too.
    fn lacks_second_factor(&self, page: &Page, visitor: &Visitor) -> bool {
        let Some(member) = visitor.member() else { return false };
        page.access != Access::Public
            && member.second_factor_until.is_none()
            && (page.second_factor || self.requires_second_factor(&member.person))
    }

    /// The title of a page to show at sign-in, where every member may open it. The titles of pages for named groups or
    /// people, or that there is one, are not told to strangers.
    pub fn title_for_sign_in(&self, slug: &PageSlug) -> Option<String> {
        let page = self.page(slug.as_str())?;
        (page.access == Access::SignedIn).then(|| page.title.clone())
    }
}

/// Whether the visitor's token, if that is their credential, has the page in its scope. A public page is in every scope.
fn is_in_scope(page: &Page, visitor: &Visitor) -> bool {
    page.access == Access::Public || visitor.member().is_none_or(|member| member.scope.can_read(&page.slug))
}

/// A page in a list: its title and access, without authorization to see it.
#[derive(Clone, Debug)]
pub struct ListedPage {
    page: Arc<Page>,
    is_authorized: bool,
    locked: bool,
}

impl ListedPage {
    /// Whether the visitor may open it.
    pub fn is_authorized(&self) -> bool {
        self.is_authorized
    }

    /// Whether it opens only after a second factor.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// The page's access in a word.
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
