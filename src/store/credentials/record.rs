use crate::domain::{EndReason, Person, PersonEpoch, PersonId, Timestamp};
use crate::store::RowId;

/// A credential of one kind as its store has it, a session or an API token: not yet judged by today's settings.
pub trait CredentialRecord: Send + Sync + Sized + 'static {
    /// Its id.
    type Id: RowId;
    /// The credential itself.
    type Credential: Send;
    /// The lifetimes that today's settings give to all of the kind.
    type Lifetimes: Copy + Send + Sync + 'static;

    /// The word for one in the log: `session`.
    const NAME: &'static str;

    /// Its id.
    fn id(&self) -> Self::Id;

    /// The person it rests on, as the store has them: JSON.
    fn into_person(self) -> Vec<u8>;

    /// Why it has ended; `None` when it has not, though it may have expired.
    fn end_reason(&self) -> Option<EndReason>;

    /// When it ends if nothing more is done, and from when on it grants nothing until its person is confirmed.
    fn expiry(&self, lifetimes: Self::Lifetimes) -> (Timestamp, Option<Timestamp>);

    /// The credential, or what about the record cannot be read.
    ///
    /// # Errors
    /// The reason, for the log.
    fn decode(self, lifetimes: Self::Lifetimes) -> Result<Self::Credential, String>;
}

/// Which credentials to end: those for which all fields that are set hold, unless they have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndSelection<Id> {
    /// This one.
    pub id: Option<Id>,
    /// Those of this person.
    pub person: Option<PersonId>,
    /// All but this one.
    pub kept: Option<Id>,
    /// Those that nothing later speaks for: sessions that had begun by then, whatever has been said since, and tokens that were last
    /// confirmed by then.
    pub known_by: Option<Timestamp>,
    /// Those that were made in an epoch before this one.
    pub made_before: Option<PersonEpoch>,
}

impl<Id> EndSelection<Id> {
    /// All of the kind.
    pub fn all() -> Self {
        Self { id: None, person: None, kept: None, known_by: None, made_before: None }
    }

    /// One alone.
    pub fn one(id: Id) -> Self {
        Self { id: Some(id), ..Self::all() }
    }
}

/// A batch of the people whom credentials rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleBatch {
    /// The people, each once.
    pub people: Vec<Person>,
    /// The person behind whom the next batch begins; `None` when there is nobody more.
    pub next_after: Option<PersonId>,
}
