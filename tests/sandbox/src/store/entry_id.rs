//! EntryIDs that the store gives out ([MS-OXCDATA] 2.2.4, 2.2.5).

use mapi_core::id::{Gid, GlobalCounter, Guid};
use mapi_core::wire::Writer;

const ADDRESS_BOOK: Guid = Guid::from_groups(0xC840_A7DC, 0x42C0, 0x1A10, 0xB4B9, 0x0800_2B2F_E182);
const ONE_OFF: Guid = Guid::from_groups(0xA41F_2B81, 0xA3BE, 0x1910, 0x9D6E, 0x00DD_010F_5402);

/// The EntryID of a folder of a private mailbox, 46 bytes ([MS-OXCDATA] 2.2.4.1).
pub fn folder(mailbox: Guid, replica: Guid, id: u64) -> Vec<u8> {
    let mut out = Writer::new();
    out.u32(0).guid(mailbox).u16(1);
    put_id(&mut out, replica, id);
    out.into_vec()
}

/// The EntryID of a message of a private mailbox, 70 bytes ([MS-OXCDATA] 2.2.4.2).
pub fn message(mailbox: Guid, replica: Guid, folder: u64, id: u64) -> Vec<u8> {
    let mut out = Writer::new();
    out.u32(0).guid(mailbox).u16(7);
    put_id(&mut out, replica, folder);
    put_id(&mut out, replica, id);
    out.into_vec()
}

/// The permanent EntryID of an address book object ([MS-OXCDATA] 2.2.5.2); `kind` 0 is a mail user.
pub fn address_book(legacy_dn: &str, kind: u32) -> Vec<u8> {
    let mut out = Writer::new();
    out.u32(0).guid(ADDRESS_BOOK).u32(1).u32(kind).z8(legacy_dn.as_bytes());
    out.into_vec()
}

/// The EntryID of an address that is in no address book ([MS-OXCDATA] 2.2.5.1), Unicode, without rich info.
pub fn one_off(name: &str, address: &str) -> Vec<u8> {
    let mut out = Writer::new();
    out.u32(0).guid(ONE_OFF).u16(0).u16(0x9001).z16(name).z16("SMTP").z16(address);
    out.into_vec()
}

/// The 22 bytes that name an object across logons.
pub fn source_key(replica: Guid, id: u64) -> Vec<u8> {
    Gid { replica_guid: replica, counter: GlobalCounter::new(id) }.to_bytes().to_vec()
}

fn put_id(out: &mut Writer, replica: Guid, id: u64) {
    out.guid(replica).bytes(&GlobalCounter::new(id).to_bytes()).u16(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_providers() {
        let guid = Guid([7; 16]);
        assert_eq!(folder(guid, guid, 5).len(), 46);
        assert_eq!(message(guid, guid, 5, 6).len(), 70);
        let entry = address_book("/o=x", 0);
        assert_eq!(entry[4..12], [0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A]);
        assert_eq!(one_off("n", "a")[4..12], [0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19]);
    }
}
