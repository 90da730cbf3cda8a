use deadpool::managed::{Manager, Object};

/// A pool's connection while a statement runs on it. Dropped in the middle of it, because it failed or was cancelled, the
/// connection is closed: whatever was begun is rolled back, and no answer is left in it for others.
pub struct RunningConnection<M: Manager>(Option<Object<M>>);

impl<M: Manager> RunningConnection<M> {
    /// The connection, on which a statement is about to run.
    pub fn new(connection: Object<M>) -> Self {
        Self(Some(connection))
    }

    /// The connection; `None` once it was [taken](Self::take).
    pub fn get(&mut self) -> Option<&mut M::Type> {
        self.0.as_deref_mut()
    }

    /// Takes the connection, whose statement has ended. Dropped then, it goes back to the pool.
    pub fn take(&mut self) -> Option<Object<M>> {
        self.0.take()
    }
}

impl<M: Manager> Drop for RunningConnection<M> {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}
