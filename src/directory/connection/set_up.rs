use super::set_up_error::SetUpError;
use super::tls;
use crate::config::{DirectoryServers, DirectorySettings, LdapScheme};

/// Checks settings that would only fail once somebody signs in.
pub(in crate::directory) fn check_settings(settings: &DirectorySettings) -> Result<(), SetUpError> {
    if matches!(&settings.servers, DirectoryServers::Listed(servers) if servers.is_empty()) {
        return Err(SetUpError::NoServer);
    }
    for server in settings.servers.listed() {
        let encrypted = server.scheme == LdapScheme::Ldaps || settings.start_tls;
        if server.host.is_empty() || (encrypted && !tls::is_verifiable(&server.host)) {
            return Err(SetUpError::Host(server.host.clone()));
        }
    }
    Ok(())
}
