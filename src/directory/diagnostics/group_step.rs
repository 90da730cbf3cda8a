use super::report::DiagnosticStep;
use crate::directory::client::GroupLookup;

/// The step about a group that pages and settings name; `by` are those who name it.
pub(in crate::directory) fn group_step(lookup: &GroupLookup, by: &[String]) -> DiagnosticStep {
    let name = lookup.wanted.to_string();
    let named = format!("named by {}", by.join(", "));
    match lookup.found.as_slice() {
        [group] if group.dn.is_empty() => {
            DiagnosticStep::ok(name).with("another domain's group, taken at its word").with(named)
        }
        [group] => DiagnosticStep::ok(name).with(group.dn.clone()).with(named),
        [] => DiagnosticStep::failure(name, missing(lookup), remedy(lookup)).with(named),
        several => {
            let reason = format!("{} groups have that name, so nobody is let in by it", several.len());
            let remedy = "name the one that is meant by its DN, where it stands";
            let dns = several.iter().map(|group| group.dn.clone());
            DiagnosticStep::failure(name, reason, remedy).with_all(dns).with(named)
        }
    }
}

fn missing(lookup: &GroupLookup) -> String {
    match lookup.note {
        Some(note) => format!("nobody is let in by it: {note}"),
        None => "there is no such group in the directory, so nobody is let in by it".to_owned(),
    }
}

fn remedy(lookup: &GroupLookup) -> String {
    if lookup.suggestions.is_empty() {
        return "correct the name where it stands, or make the group in the directory; a group is named by its account \
                name (sAMAccountName, cn), its DN or its SID"
            .to_owned();
    }
    let near: Vec<String> = lookup.suggestions.iter().map(|name| format!("\"{name}\"")).collect();
    format!("correct the name where it stands, or make the group in the directory; did you mean {}?", near.join(" or "))
}
