use std::net::IpAddr;

use super::{Network, PersonId};

/// The one whom something scarce is counted under while it is in use: a channel, a request to a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The program itself, for pages that are kept running.
    Program,
    /// A member, whatever they are signed in with, and wherever.
    Person(PersonId),
    /// Somebody who is not signed in, by their network.
    Stranger(Network),
}

impl Holder {
    /// The holder of what a request takes: the person, where the visitor is a member, otherwise the address's network.
    pub fn of(person: Option<&PersonId>, address: Option<IpAddr>) -> Self {
        match person {
            Some(person) => Self::Person(person.clone()),
            None => Self::Stranger(Network::narrowest_of(address)),
        }
    }

    /// Whether it is somebody who is not signed in.
    pub fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger(_))
    }

    /// How many kinds of holders there are: strangers, members, the program.
    pub const KINDS: usize = 3;

    /// Whether both are strangers, or both members.
    pub fn is_like(&self, other: &Self) -> bool {
        self.precedence() == other.precedence()
    }

    /// The precedence of its kind over others that share something: what a member uses too is no stranger's. It is less than
    /// [`Self::KINDS`].
    pub fn precedence(&self) -> usize {
        match self {
            Self::Stranger(_) => 0,
            Self::Person(_) => 1,
            Self::Program => 2,
        }
    }
}
