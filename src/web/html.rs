use std::borrow::Cow;

use rocket::http::{ContentType, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use rocket_dyn_templates::Template;
use serde::Serialize;

use crate::auth::form_challenge;

use super::links::Link;
use super::views::Layout;

/// A page of HTML: a template with its view, in the site's layout.
pub(super) struct Html<V> {
    template: Cow<'static, str>,
    status: Status,
    view: LayoutContext<V>,
}

/// The context of every template: the layout, and its own view beside it.
#[derive(Serialize)]
pub(super) struct LayoutContext<V> {
    pub(super) layout: Layout,
    #[serde(flatten)]
    pub(super) view: V,
}

/// The context of a template for what all visitors share: it leaves a gap wherever something is a visitor's own.
#[derive(Serialize)]
pub(super) struct SharedContext<V> {
    is_shared: bool,
    #[serde(flatten)]
    context: LayoutContext<V>,
}

impl<V> SharedContext<V> {
    pub(super) fn new(layout: &Layout, view: V) -> Self {
        Self { is_shared: true, context: LayoutContext { layout: layout.shared(), view } }
    }
}

/// The mark of a gap in what is shared, and between the parts that fill the gaps. No value in a page can contain it: `<` is
/// escaped in all of them, and comments are taken out of the authors' Markdown.
const OWN_MARK: &str = "<!--own-->";

/// The pieces of a rendered template around its gaps.
pub(super) fn split_own(html: &str) -> impl Iterator<Item = String> {
    html.split(OWN_MARK).map(str::to_owned)
}

impl<V> Html<V> {
    /// The name of its template.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The context of its template.
    pub(super) fn context(&self) -> &LayoutContext<V> {
        &self.view
    }
}

impl<V: Serialize> Html<V> {
    pub(super) fn new(template: &'static str, title: impl Into<String>, mut layout: Layout, view: V) -> Self {
        layout.title = title.into();
        Self { template: template.into(), status: Status::Ok, view: LayoutContext { layout, view } }
    }

    pub(super) fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }
}

impl<'r, V: Serialize> Responder<'r, 'static> for Html<V> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let page = Template::render(self.template, &self.view).respond_to(request)?;
        let mut response = Response::build_from(page);
        if self.status == Status::Unauthorized {
            response.raw_header("WWW-Authenticate", form_challenge(Link::to("login").as_str()));
        }
        response.status(self.status).header(ContentType::HTML).ok()
    }
}
