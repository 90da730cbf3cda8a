/// How what is known of somebody who is signed in is kept true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// The directory is asked again and again what became of them.
    Refreshed,
    /// Nobody can ask about them without their password: the session is short instead.
    Unrefreshed,
}
