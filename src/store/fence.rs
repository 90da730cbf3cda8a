/// The number of a lease, which grows whenever it begins anew: what the holder writes with it is refused once somebody else has
/// begun one since, however long it has been paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The name of the lease.
    pub lease: &'static str,
    /// Its number.
    pub number: i64,
}
