use rocket::Request;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome};

use crate::auth::CsrfBinding;
use crate::domain::Visitor;
use crate::web::AppState;
use crate::web::cookies::Cookies;
use crate::web::links::Link;
use crate::web::views::{Banner, Layout, LayoutVisitor, NavItem};

/// Builds the layout of a page for this visitor.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for Layout {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let visitor = try_outcome!(request.guard::<Visitor>().await);
        Outcome::Success(layout_for(request, &visitor))
    }
}

/// The layout of a page for a visitor who is known already.
pub(in crate::web) fn layout_for(request: &Request<'_>, visitor: &Visitor) -> Layout {
    let AppState { auth, page_store, session_refresher, settings, .. } = AppState::of(request);
    let cookies = Cookies::of(request);
    let current_url = request.uri().to_string();
    let path = request.uri().path();
    let pages = page_store.authorized_pages(visitor);
    let mut layout = Layout {
        site: settings.site.name.clone(),
        contact: settings.site.contact.clone(),
        nav: pages.iter().map(|page| NavItem::of(page, path.as_str())).collect(),
        pages,
        theme: cookies.theme(),
        sign_in_href: Link::sign_in(&current_url),
        current_url,
        ..Layout::default()
    };
    if let (Some(token), Visitor::Member(_) | Visitor::Unconfirmed) = (cookies.session(), visitor) {
        auth.keys().csrf_token(CsrfBinding::Session(&token)).as_str().clone_into(&mut layout.csrf);
    }
    let Some(member) = visitor.member() else { return layout };
    layout.visitor = Some(LayoutVisitor {
        name: member.person.display_name.clone(),
        username: member.person.qualified_name(),
        is_local: member.person.realm.is_local(),
        is_admin: settings.admins.includes(&member.person),
    });
    let can_change = || auth.password_change_name(&member.person).is_some();
    let left = auth.password_expires_in(&member.person);
    layout.banners.extend(left.map(|left| Banner::password_expires(left, can_change())));
    let unreachable_since = session_refresher.unreachable_since(&member.person.realm);
    layout.banners.extend(unreachable_since.map(Banner::directory_unreachable));
    layout
}
