use mapi_core::id::ObjectId;

/// The one replica id of every mailbox.
pub const REPLICA_ID: u16 = 1;

/// The id of an object by its counter.
pub fn object_id(counter: u64) -> ObjectId {
    ObjectId::new(REPLICA_ID, counter)
}

/// The counter of an id of this store; `None` for the id of another replica.
pub fn counter(id: ObjectId) -> Option<u64> {
    (id.replica_id == REPLICA_ID).then(|| id.counter.value())
}
