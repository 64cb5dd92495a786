//! The end of objects ([MS-OXCROPS] 2.2.15.3).

use super::object::{Entry, Object};
use super::{Session, stream};
use crate::store::Store;

impl Session {
    /// Releases an object, and everything under a logon.
    pub(super) fn release(&mut self, store: &mut Store, handle: u32) {
        if matches!(self.objects.get(&handle), Some(Entry { object: Object::Stream(_), .. })) {
            // A stream that goes is committed ([MS-OXCPRPT] 3.2.5.18); what cannot be is lost with it.
            let _ = stream::commit(self, store, handle);
        }
        let Some(entry) = self.objects.remove(&handle) else { return };
        if matches!(entry.object, Object::Logon) {
            self.logons.retain(|_, logon| *logon != handle);
            self.objects.retain(|_, other| other.logon_id != entry.logon_id);
        }
    }
}
