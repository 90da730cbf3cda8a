use std::collections::HashMap;

use rocket::fairing::{AdHoc, Fairing};
use rocket_dyn_templates::tera::{self, Value};
use rocket_dyn_templates::{Engines, Template};

use super::Assets;
use crate::panels::PANEL_KINDS;
use crate::web::links::Link;

/// A fairing with the template engine over our own files: the overlay's, the source tree's in debug builds, the
/// built-in ones.
pub(super) fn fairing(assets: Assets) -> impl Fairing {
    let templates = Template::try_custom(move |engines| load(engines, &assets));
    AdHoc::on_ignite("Templates", |rocket| async { rocket.attach(templates) })
}

fn load(engines: &mut Engines, assets: &Assets) -> Result<(), Box<dyn std::error::Error>> {
    // Every template is HTML, whatever its name ends in: nothing is put into a page unescaped by oversight.
    engines.tera.autoescape_on(vec![""]);
    engines.tera.add_raw_templates(assets.templates())?;
    engines.tera.add_raw_template("panels/of_any_kind", &panel_of_any_kind())?;
    let assets = assets.clone();
    engines.tera.register_function("link", LinkFunction);
    engines.tera.register_function("asset", move |arguments: &HashMap<String, Value>| asset(&assets, arguments));
    Ok(())
}

/// The template that includes the one of `panel.kind`. Tera includes no name that it would have to compute, so all of them
/// are written out.
fn panel_of_any_kind() -> String {
    let choice = |word| format!("{{% if panel.kind == \"{word}\" %}}{{% include \"panels/{word}\" %}}{{% endif %}}");
    PANEL_KINDS.iter().map(|kind| choice(kind.word)).collect()
}

/// The template function `asset(path="css/base.css")`: the address of that static file.
fn asset(assets: &Assets, arguments: &HashMap<String, Value>) -> tera::Result<Value> {
    let path = arguments.get("path").and_then(Value::as_str).ok_or("asset() needs a path")?;
    let url = assets.static_url(path).ok_or_else(|| format!("there is no static file {path:?}"))?;
    Ok(Value::String(url))
}

/// The template function `link(to="account/tokens")`: the address of that path on this site.
struct LinkFunction;

impl tera::Function for LinkFunction {
    fn call(&self, arguments: &HashMap<String, Value>) -> tera::Result<Value> {
        let path = arguments.get("to").and_then(Value::as_str).ok_or("link() needs a path")?;
        Ok(Value::String(Link::to(path).to_string()))
    }

    /// The path is a template's own word, and no visitor's.
    fn is_safe(&self) -> bool {
        true
    }
}
