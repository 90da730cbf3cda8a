use indexmap::IndexMap;

use super::message::ChannelPosition;
use crate::domain::PanelId;
use crate::panels::PanelFrame;

/// The state of a channel at one position, for the first paint.
#[derive(Clone, Debug)]
pub struct InitialState {
    /// From where the live connection continues.
    pub position: ChannelPosition,
    /// Each panel as it stands, in the page's order.
    pub panels: IndexMap<PanelId, PanelFrame>,
}
