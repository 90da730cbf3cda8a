use std::time::Duration;

/// Name and password with every request (Basic, RFC 7617).
#[derive(Clone, Debug)]
pub struct BasicSettings {
    /// Whether it is accepted at all.
    pub enabled: bool,
    /// How long a verified name and password are cached; zero for not at all.
    pub remember: Duration,
}

/// Personal API tokens.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// How long a token lasts when nobody says otherwise.
    pub lifetime: Duration,
    /// How long a token may last.
    pub longest: Duration,
    /// How long after its person's last sign-in a token is good when they cannot be read again, as there is no service
    /// account.
    pub unrefreshed: Duration,
}

/// Short-lived signed tokens (JWT, RFC 7519).
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// How long one lasts.
    pub lifetime: Duration,
    /// How long one key signs.
    pub rotate: Duration,
}
