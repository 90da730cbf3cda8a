use log::{Level, LevelFilter, Log, Metadata, Record};

/// A `log` logger that forwards the lines of Rocket and other libraries to `tracing`, without the source location that
/// they add to every line: it is a path of whichever machine built the program.
struct LogBridge;

/// Installs the bridge as the `log` crate's logger. Which lines are written is the filter's decision.
pub(super) fn install() {
    match log::set_logger(&LogBridge) {
        // Finer lines are for those who work on the libraries themselves.
        Ok(()) => log::set_max_level(LevelFilter::Debug),
        Err(error) => {
            tracing::warn!(%error, "lines of libraries that use `log` are not shown: another logger is in place");
        }
    }
}

impl Log for LogBridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_forwarded(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        let library = record.target();
        if !is_forwarded(library) {
            return;
        }
        let message = record.args();
        // `tracing` wants its targets at compile time, so the library's own is a field.
        match record.level() {
            Level::Error => tracing::error!(target: "library", library, "{message}"),
            Level::Warn => tracing::warn!(target: "library", library, "{message}"),
            Level::Info => tracing::info!(target: "library", library, "{message}"),
            Level::Debug => tracing::debug!(target: "library", library, "{message}"),
            Level::Trace => tracing::trace!(target: "library", library, "{message}"),
        }
    }

    fn flush(&self) {}
}

/// Whether lines of this target are forwarded. Our own modules use `tracing`; what comes from them by `log` is Rocket's
/// generated code, which logs every guard that forwards. Rocket's server logs every request that has no route and every
/// catcher, which the request log has already; its settings are checked, and its address is logged, by our own
/// commands. The LDAP client's failures are logged by its caller, and without the entries that it would print.
fn is_forwarded(target: &str) -> bool {
    let crate_name = target.split("::").next().unwrap_or(target);
    let logged_elsewhere = ["rocket::server", "rocket::launch", "rocket::config", "ldap3::"];
    crate_name != env!("CARGO_CRATE_NAME") && !logged_elsewhere.iter().any(|module| target.starts_with(module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rockets_macros_say_in_our_name_is_not_repeated() {
        assert!(!is_forwarded("belvedere::web::routes::live::_"));
        assert!(!is_forwarded("rocket::server::_"));
        assert!(!is_forwarded("ldap3::conn"));
        assert!(is_forwarded("rocket::shutdown"));
        assert!(is_forwarded("rocket_dyn_templates::engine::tera::_"));
    }
}
