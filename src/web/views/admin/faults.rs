use serde::Serialize;

use super::places::{Place, PlaceLink};
use crate::config::FaultReport;

/// The faults in page files.
#[derive(Debug, Serialize)]
pub(in crate::web) struct FaultsView {
    places: Vec<PlaceLink>,
    page_faults: Vec<FaultReport>,
}

impl FaultsView {
    pub(in crate::web) fn of(page_faults: Vec<FaultReport>) -> Self {
        Self { places: Place::Faults.bar(), page_faults }
    }
}
