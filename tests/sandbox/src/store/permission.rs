//! Who may do what in a folder, and send in whose name ([MS-OXCPERM] 2.2.7, [MS-OXODLGT]).

use std::collections::BTreeSet;

use mapi_core::ErrorCode;

use super::StoreResult;

/// Bits of PidTagMemberRights ([MS-OXCPERM] 2.2.7).
pub mod right {
    /// Reads messages.
    pub const READ_ANY: u32 = 0x001;
    /// Creates messages.
    pub const CREATE: u32 = 0x002;
    /// Changes messages.
    pub const EDIT_ANY: u32 = 0x020;
    /// Deletes messages.
    pub const DELETE_ANY: u32 = 0x040;
    /// Creates subfolders.
    pub const CREATE_SUBFOLDER: u32 = 0x080;
    /// Changes the folder and its permissions; implies the others.
    pub const OWNER: u32 = 0x100;
    /// Sees the folder.
    pub const VISIBLE: u32 = 0x400;
    /// What a reviewer has.
    pub const REVIEWER: u32 = READ_ANY | VISIBLE;
    /// What an owner has.
    pub const ALL: u32 = 0x5FB;
}

/// PidTagMemberId of the rights of everybody.
pub const DEFAULT_MEMBER: i64 = 0;
/// PidTagMemberId of the rights of those who did not log on.
pub const ANONYMOUS_MEMBER: i64 = -1;

/// The rights of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// PidTagMemberId.
    pub id: i64,
    /// legacyExchangeDN.
    pub dn: String,
    /// PidTagMemberRights.
    pub rights: u32,
}

/// The permissions of a folder. The mailbox owner needs none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// Rights of users.
    pub members: Vec<Member>,
    /// Rights of everybody else.
    pub default: u32,
    /// Rights of those who did not log on: nobody here.
    pub anonymous: u32,
}

impl Permissions {
    /// The rights of a user.
    pub fn of(&self, dn: &str) -> u32 {
        let member = self.members.iter().find(|member| member.dn.eq_ignore_ascii_case(dn));
        member.map_or(self.default, |member| member.rights)
    }

    /// Gives a user these rights instead of those from before.
    pub fn grant(&mut self, dn: &str, rights: u32) {
        match self.members.iter_mut().find(|member| member.dn.eq_ignore_ascii_case(dn)) {
            Some(member) => member.rights = rights,
            None => {
                let id = self.members.iter().map(|member| member.id).max().unwrap_or(0) + 1;
                self.members.push(Member { id, dn: dn.to_owned(), rights });
            }
        }
    }

    /// Changes the rights of a member.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn modify(&mut self, id: i64, rights: u32) -> StoreResult<()> {
        match id {
            DEFAULT_MEMBER => self.default = rights,
            ANONYMOUS_MEMBER => self.anonymous = rights,
            id => {
                let member = self.members.iter_mut().find(|member| member.id == id);
                member.ok_or(ErrorCode::NOT_FOUND)?.rights = rights;
            }
        }
        Ok(())
    }

    /// Takes a member out.
    ///
    /// # Errors
    /// `ecNotFound`.
    pub fn remove(&mut self, id: i64) -> StoreResult<()> {
        let at = self.members.iter().position(|member| member.id == id).ok_or(ErrorCode::NOT_FOUND)?;
        self.members.remove(at);
        Ok(())
    }

    /// Whether a user may do something.
    pub fn allow(&self, dn: &str, wanted: u32) -> bool {
        self.of(dn) & (wanted | right::OWNER) != 0
    }
}

/// Who may send in the name of a mailbox owner, by legacyExchangeDN in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delegates {
    /// As the owner: nobody sees who it was.
    pub send_as: BTreeSet<String>,
    /// On behalf of the owner: both are named.
    pub send_on_behalf: BTreeSet<String>,
}

impl Delegates {
    /// Lets a user send as the owner.
    pub fn allow_send_as(&mut self, dn: &str) {
        self.send_as.insert(dn.to_ascii_lowercase());
    }

    /// Lets a user send on behalf of the owner.
    pub fn allow_send_on_behalf(&mut self, dn: &str) {
        self.send_on_behalf.insert(dn.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_their_own_rights_and_others_the_default() {
        let mut permissions = Permissions { default: right::VISIBLE, ..Permissions::default() };
        permissions.grant("/o=A", right::REVIEWER);
        permissions.grant("/o=b", right::OWNER);
        assert!(permissions.allow("/o=a", right::READ_ANY) && !permissions.allow("/o=a", right::CREATE));
        assert!(permissions.allow("/o=b", right::CREATE), "an owner may do everything");
        assert!(permissions.allow("/o=c", right::VISIBLE) && !permissions.allow("/o=c", right::READ_ANY));
        assert_eq!(permissions.remove(1), Ok(()));
        assert_eq!((permissions.of("/o=a"), permissions.remove(1)), (right::VISIBLE, Err(ErrorCode::NOT_FOUND)));
    }
}
