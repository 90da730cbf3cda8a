//! The sessions of the model, with what is known of each.

use std::net::SocketAddr;

use crate::harness::viewer::Viewer;
use crate::harness::visitor::Visitor;

/// Whether a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionFate {
    Lives,
    Ended,
    /// It has ended on this node, which could not write that down yet.
    EndedAt(usize),
    /// Nobody can say: an answer was lost, or the node that knew of its end has died.
    Unknown,
}

/// Somebody who has signed in, and watches a page.
pub(super) struct SignedIn {
    pub(super) visitor: Visitor,
    pub(super) person: usize,
    pub(super) fate: SessionFate,
    pub(super) viewer: Viewer,
}

/// All who have signed in.
#[derive(Default)]
pub(super) struct SignedInPeople(pub(super) Vec<SignedIn>);

impl SignedIn {
    /// The visitor, at this node.
    pub(super) fn at(&mut self, node: SocketAddr) -> &mut Visitor {
        self.visitor.moves_to(node);
        &mut self.visitor
    }
}

impl SignedInPeople {
    /// One of those whose session lives.
    pub(super) fn living(&self, choice: usize) -> Option<usize> {
        let living: Vec<usize> = (0..self.0.len()).filter(|index| self.0[*index].fate == SessionFate::Lives).collect();
        (!living.is_empty()).then(|| living[choice % living.len()])
    }

    /// The sessions of a person, but for one, have come to this fate. Of those that have ended that is known already.
    pub(super) fn end_all_of(&mut self, person: usize, but: Option<usize>, fate: SessionFate) {
        for (index, member) in self.0.iter_mut().enumerate() {
            if member.person == person && Some(index) != but && member.fate != SessionFate::Ended {
                member.fate = fate;
            }
        }
    }

    /// Of those whose session has ended, or whose fate is not known, no more is asked.
    pub(super) fn forget_all_but_the_living(&mut self) {
        self.0.retain(|member| member.fate == SessionFate::Lives);
    }

    /// What this node alone knew is lost.
    pub(super) fn forget_what_only_knew(&mut self, node: usize) {
        for member in self.0.iter_mut().filter(|member| member.fate == SessionFate::EndedAt(node)) {
            member.fate = SessionFate::Unknown;
        }
    }
}
