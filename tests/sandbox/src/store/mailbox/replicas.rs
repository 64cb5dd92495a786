//! Replicas of other mailboxes, which get an id here when somebody asks for one ([MS-OXCSTOR] 3.2.5.9).

use mapi_core::ErrorCode;
use mapi_core::id::Guid;

use super::super::StoreResult;
use super::Mailbox;

/// The first id of replicas of elsewhere.
const FOREIGN_REPLICAS: u16 = 0x100;
/// What RopIdFromLongTermId answers if no more replicas can be known ([MS-OXCSTOR] R1249).
const NO_MORE_REPLICAS: ErrorCode = ErrorCode(0x450);

impl Mailbox {
    /// The replica of elsewhere that has this id here.
    pub fn foreign_replica(&self, id: u16) -> Option<Guid> {
        self.foreign_replicas.get(usize::from(id.checked_sub(FOREIGN_REPLICAS)?)).copied()
    }

    /// How many replicas of elsewhere are known here: each takes an id, for ever.
    pub fn foreign_replicas(&self) -> usize {
        self.foreign_replicas.len()
    }

    /// The id of a replica of elsewhere; a new one if it is not known here.
    ///
    /// # Errors
    /// 0x450 if there are too many.
    pub fn learn_replica(&mut self, guid: Guid) -> StoreResult<u16> {
        let at = match self.foreign_replicas.iter().position(|known| *known == guid) {
            Some(at) => at,
            None => {
                self.foreign_replicas.push(guid);
                self.foreign_replicas.len() - 1
            }
        };
        u16::try_from(at).ok().and_then(|at| at.checked_add(FOREIGN_REPLICAS)).ok_or(NO_MORE_REPLICAS)
    }
}
