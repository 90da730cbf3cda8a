//! TLS towards servers: whom the settings trust, the certificate we show them, and words for every way it fails.
//!
//! `server_trust` verifies a server's certificate: by authorities, by a certificate that stands in the settings' file itself,
//! or by its fingerprint alone. `presented` reads what matters of a certificate, `certificate_problem` says why one is refused,
//! `explanation` why there is no connection, `client_identity` is the certificate by which a
//! server knows us, and `certificate_requests` tells whether one asked for it in vain. `validity` looks at the dates in files,
//! `certificate_observer` at those of what servers show.
//!
//! Nothing here accepts a certificate that the settings do not name in one of these ways, or one whose dates do not hold.

mod certificate_observer;
mod certificate_problem;
mod certificate_requests;
mod certificate_text;
mod client_identity;
mod explanation;
mod pem;
mod presented;
mod server_trust;
mod validity;

pub use certificate_observer::CertificateObserver;
pub use certificate_problem::CertificateProblem;
pub use certificate_requests::CertificateRequests;
pub use client_identity::ClientIdentity;
pub use explanation::{TlsExplanation, explain, explain_io};
pub use server_trust::ServerTrust;
pub use validity::Validity;
