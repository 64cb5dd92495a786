use super::{Guid, LongTermId};
use crate::wire::{Reader, WireResult, Writer};

/// ProviderUID of EntryIDs of public folders and their messages ([MS-OXCDATA] 2.2.4.1).
pub const PUBLIC_FOLDER_PROVIDER: Guid = Guid::from_groups(0x9073_441A, 0x66AA, 0xCD11, 0x9BC8, 0x00AA_002F_C45A);
/// ProviderUID of store EntryIDs ([MS-OXCDATA] 2.2.4.3).
pub const STORE_PROVIDER: Guid = Guid::from_groups(0x10BB_A138, 0xE505, 0x1A10, 0xA1BB, 0x0800_2B2A_56C2);
/// ProviderUID of one-off EntryIDs ([MS-OXCDATA] 2.2.5.1).
pub const ONE_OFF_PROVIDER: Guid = Guid::from_groups(0xA41F_2B81, 0xA3BE, 0x1910, 0x9D6E, 0x00DD_010F_5402);
/// ProviderUID of address book EntryIDs ([MS-OXCDATA] 2.2.5.2).
pub const ADDRESS_BOOK_PROVIDER: Guid = Guid::from_groups(0xC840_A7DC, 0x42C0, 0x1A10, 0xB4B9, 0x0800_2B2F_E182);

/// An EntryID ([MS-OXCDATA] 2.2.4, 2.2.5), as far as this project reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryId {
    /// A folder.
    Folder(FolderEntryId),
    /// A message.
    Message(MessageEntryId),
    /// A mailbox or the public folder store.
    Store(StoreEntryId),
    /// An address that stands for itself.
    OneOff(OneOffEntryId),
    /// An object of the address book.
    AddressBook(AddressBookEntryId),
    /// Something else.
    Other(Vec<u8>),
}

/// The EntryID of a folder, 46 bytes ([MS-OXCDATA] 2.2.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderEntryId {
    /// 0 in EntryIDs that are stored.
    pub flags: u32,
    /// MailboxGuid of the logon, or [`PUBLIC_FOLDER_PROVIDER`].
    pub provider_uid: Guid,
    /// 1 private, 3 public, 5 mapped public.
    pub folder_type: u16,
    /// The folder.
    pub folder: LongTermId,
}

/// The EntryID of a message, 70 bytes ([MS-OXCDATA] 2.2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageEntryId {
    /// 0 in EntryIDs that are stored.
    pub flags: u32,
    /// MailboxGuid of the logon, or [`PUBLIC_FOLDER_PROVIDER`].
    pub provider_uid: Guid,
    /// 7 private, 9 public, 0xB mapped public.
    pub message_type: u16,
    /// Its folder.
    pub folder: LongTermId,
    /// The message.
    pub message: LongTermId,
}

/// The EntryID of a store ([MS-OXCDATA] 2.2.4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEntryId {
    /// 0.
    pub flags: u32,
    /// 0.
    pub version: u8,
    /// 0.
    pub flag: u8,
    /// `emsmdb.dll` and NULs.
    pub dll_file_name: [u8; 14],
    /// 0.
    pub wrapped_flags: u32,
    /// The provider of the wrapped EntryID: of mailboxes or of public folders.
    pub wrapped_uid: Guid,
    /// 0xC mailbox, 6 public folders.
    pub wrapped_type: u32,
    /// Short name of the server, 8-bit without NUL.
    pub server_shortname: Vec<u8>,
    /// Distinguished name of the mailbox, 8-bit without NUL. Absent for public folders.
    pub mailbox_dn: Option<Vec<u8>>,
    /// Structures of newer versions behind it.
    pub rest: Vec<u8>,
}

/// A one-off EntryID ([MS-OXCDATA] 2.2.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOffEntryId {
    /// 0.
    pub flags: u32,
    /// 0.
    pub version: u16,
    /// 0x8000 the strings are Unicode, 1 no rich text; 0x0006 and 0x1E00 hint at formats.
    pub one_off_flags: u16,
    /// The display name.
    pub display_name: String,
    /// The address type, e.g. `SMTP`.
    pub address_type: String,
    /// The address.
    pub email_address: String,
}

/// The EntryID of an object of the address book ([MS-OXCDATA] 2.2.5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressBookEntryId {
    /// 0 in EntryIDs that are stored.
    pub flags: u32,
    /// 1.
    pub version: u32,
    /// 0 user, 1 distribution list, 2 public folder, 3 agent, 4 organisation, 5 private list, 6 remote user.
    pub kind: u32,
    /// Distinguished name, 8-bit text.
    pub x500_dn: String,
}

impl EntryId {
    /// Reads an EntryID.
    ///
    /// # Errors
    /// EntryIDs of a known provider that are cut short. Bytes behind one-off and address book EntryIDs are ignored.
    pub fn decode(bytes: &[u8]) -> WireResult<Self> {
        let mut reader = Reader::new(bytes);
        let (Ok(flags), Ok(provider_uid)) = (reader.u32("EntryID flags"), reader.guid("ProviderUID")) else {
            return Ok(Self::Other(bytes.to_vec()));
        };
        Ok(match (provider_uid, bytes.len()) {
            (ONE_OFF_PROVIDER, _) => Self::OneOff(OneOffEntryId::decode_rest(&mut reader, flags)?),
            (ADDRESS_BOOK_PROVIDER, _) => Self::AddressBook(AddressBookEntryId::decode_rest(&mut reader, flags)?),
            (STORE_PROVIDER, _) => Self::Store(StoreEntryId::decode_rest(&mut reader, flags)?),
            (_, 46) => Self::Folder(FolderEntryId {
                flags,
                provider_uid,
                folder_type: reader.u16("FolderType")?,
                folder: LongTermId::decode(&mut reader, "folder of EntryID")?,
            }),
            (_, 70) => Self::Message(MessageEntryId {
                flags,
                provider_uid,
                message_type: reader.u16("MessageType")?,
                folder: LongTermId::decode(&mut reader, "folder of EntryID")?,
                message: LongTermId::decode(&mut reader, "message of EntryID")?,
            }),
            _ => Self::Other(bytes.to_vec()),
        })
    }

    /// The bytes of the EntryID.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Folder(id) => id.to_bytes(),
            Self::Message(id) => id.to_bytes(),
            Self::Store(id) => id.to_bytes(),
            Self::OneOff(id) => id.to_bytes(),
            Self::AddressBook(id) => id.to_bytes(),
            Self::Other(bytes) => bytes.clone(),
        }
    }
}

impl FolderEntryId {
    /// FolderType of a folder in a private mailbox.
    pub const PRIVATE: u16 = 1;

    /// The EntryID of a folder in the mailbox `mailbox_guid`.
    pub fn private(mailbox_guid: Guid, folder: impl Into<LongTermId>) -> Self {
        Self { flags: 0, provider_uid: mailbox_guid, folder_type: Self::PRIVATE, folder: folder.into() }
    }

    /// The bytes of the EntryID.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags).guid(self.provider_uid).u16(self.folder_type);
        self.folder.encode(&mut writer);
        writer.into_vec()
    }
}

impl MessageEntryId {
    /// MessageType of a message in a private mailbox.
    pub const PRIVATE: u16 = 7;

    /// The EntryID of a message in the mailbox `mailbox_guid`.
    pub fn private(mailbox_guid: Guid, folder: impl Into<LongTermId>, message: impl Into<LongTermId>) -> Self {
        Self {
            flags: 0,
            provider_uid: mailbox_guid,
            message_type: Self::PRIVATE,
            folder: folder.into(),
            message: message.into(),
        }
    }

    /// The bytes of the EntryID.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags).guid(self.provider_uid).u16(self.message_type);
        self.folder.encode(&mut writer);
        self.message.encode(&mut writer);
        writer.into_vec()
    }
}

impl StoreEntryId {
    fn decode_rest(reader: &mut Reader<'_>, flags: u32) -> WireResult<Self> {
        let version = reader.u8("Version")?;
        let flag = reader.u8("Flag")?;
        let dll_file_name = reader.array("DLLFileName")?;
        let wrapped_flags = reader.u32("WrappedFlags")?;
        let wrapped_uid = reader.guid("WrappedProviderUID")?;
        let wrapped_type = reader.u32("WrappedType")?;
        let server_shortname = reader.z8("ServerShortname")?.to_vec();
        let mailbox_dn = if reader.is_empty() { None } else { Some(reader.z8("MailboxDN")?.to_vec()) };
        let rest = reader.rest().to_vec();
        Ok(Self {
            flags,
            version,
            flag,
            dll_file_name,
            wrapped_flags,
            wrapped_uid,
            wrapped_type,
            server_shortname,
            mailbox_dn,
            rest,
        })
    }

    /// The bytes of the EntryID.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags).guid(STORE_PROVIDER).u8(self.version).u8(self.flag).bytes(&self.dll_file_name);
        writer.u32(self.wrapped_flags).guid(self.wrapped_uid).u32(self.wrapped_type).z8(&self.server_shortname);
        if let Some(dn) = &self.mailbox_dn {
            writer.z8(dn);
        }
        writer.bytes(&self.rest);
        writer.into_vec()
    }
}

impl OneOffEntryId {
    /// Bit of `one_off_flags`: the strings are UTF-16.
    pub const UNICODE: u16 = 0x8000;
    /// Bit of `one_off_flags`: the recipient cannot read rich text.
    pub const NO_RICH_INFO: u16 = 0x0001;

    /// The EntryID of an Internet address.
    pub fn smtp(display_name: impl Into<String>, email_address: impl Into<String>) -> Self {
        Self {
            flags: 0,
            version: 0,
            one_off_flags: 0x9000 | Self::NO_RICH_INFO,
            display_name: display_name.into(),
            address_type: "SMTP".to_owned(),
            email_address: email_address.into(),
        }
    }

    /// Whether the strings are written as UTF-16.
    pub fn is_unicode(&self) -> bool {
        self.one_off_flags & Self::UNICODE != 0
    }

    fn decode_rest(reader: &mut Reader<'_>, flags: u32) -> WireResult<Self> {
        let version = reader.u16("one-off Version")?;
        let one_off_flags = reader.u16("one-off Flags")?;
        let unicode = one_off_flags & Self::UNICODE != 0;
        let mut text = |context| if unicode { reader.z16(context) } else { reader.z8_text(context) };
        let display_name = text("one-off DisplayName")?;
        let address_type = text("one-off AddressType")?;
        let email_address = text("one-off EmailAddress")?;
        Ok(Self { flags, version, one_off_flags, display_name, address_type, email_address })
    }

    /// The bytes of the EntryID. Without [`OneOffEntryId::UNICODE`] characters beyond Latin-1 become `?`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags).guid(ONE_OFF_PROVIDER).u16(self.version).u16(self.one_off_flags);
        for text in [&self.display_name, &self.address_type, &self.email_address] {
            if self.is_unicode() {
                writer.z16(text);
            } else {
                writer.z8(&latin1(text));
            }
        }
        writer.into_vec()
    }
}

impl AddressBookEntryId {
    /// The EntryID of the object called `x500_dn`.
    pub fn new(kind: u32, x500_dn: impl Into<String>) -> Self {
        Self { flags: 0, version: 1, kind, x500_dn: x500_dn.into() }
    }

    fn decode_rest(reader: &mut Reader<'_>, flags: u32) -> WireResult<Self> {
        Ok(Self {
            flags,
            version: reader.u32("address book EntryID Version")?,
            kind: reader.u32("address book EntryID Type")?,
            x500_dn: reader.z8_text("X500DN")?,
        })
    }

    /// The bytes of the EntryID.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags).guid(ADDRESS_BOOK_PROVIDER).u32(self.version).u32(self.kind);
        writer.z8(&latin1(&self.x500_dn));
        writer.into_vec()
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Gid;
    use proptest::prelude::*;

    #[test]
    fn provider_uids_stand_on_the_wire_as_the_specification_prints_them() {
        let hex = |guid: Guid| guid.0.iter().map(|b| format!("{b:02X}")).collect::<String>();
        assert_eq!(hex(PUBLIC_FOLDER_PROVIDER), "1A447390AA6611CD9BC800AA002FC45A");
        assert_eq!(hex(STORE_PROVIDER), "38A1BB1005E5101AA1BB08002B2A56C2");
        assert_eq!(hex(ONE_OFF_PROVIDER), "812B1FA4BEA310199D6E00DD010F5402");
        assert_eq!(hex(ADDRESS_BOOK_PROVIDER), "DCA740C8C042101AB4B908002B2FE182");
    }

    /// [MS-OXODLGT] 4.1.1: the value of PidTagIpmAppointmentEntryId.
    #[test]
    fn the_folder_entry_id_of_the_specification() {
        let wire = [
            0x00, 0x00, 0x00, 0x00, 0xC3, 0xE1, 0x78, 0x57, 0x96, 0x52, 0xCE, 0x46, 0xA3, 0x53, 0xB3, 0xE0, 0x7F, 0x9B,
            0x97, 0xBC, 0x01, 0x00, 0x8B, 0x8D, 0xB1, 0x82, 0xAF, 0x2E, 0xD0, 0x48, 0x93, 0x47, 0x07, 0xED, 0x54, 0x48,
            0x84, 0x0F, 0x00, 0x17, 0x4E, 0xA8, 0x9C, 0x98, 0x00, 0x00,
        ];
        let id = EntryId::decode(&wire).expect("a whole EntryID");
        let EntryId::Folder(folder) = &id else { panic!("a folder, not {id:?}") };
        assert_eq!(folder.folder_type, FolderEntryId::PRIVATE);
        assert_eq!(folder.folder.gid.to_string(), "82b18d8b-2eaf-48d0-9347-07ed5448840f/00174EA89C98");
        assert_eq!(id.to_bytes(), wire);
    }

    #[test]
    fn a_one_off_for_an_internet_address() {
        let id = OneOffEntryId::smtp("Zoë", "zoe@example.org");
        let bytes = id.to_bytes();
        assert_eq!(bytes[20..24], [0x00, 0x00, 0x01, 0x90]);
        assert_eq!(EntryId::decode(&bytes), Ok(EntryId::OneOff(id)));
        assert!(EntryId::decode(&bytes[..bytes.len() - 1]).is_err(), "the last NUL is missing");
    }

    fn any_entry_id() -> impl Strategy<Value = EntryId> {
        let guid = || any::<[u8; 16]>().prop_map(Guid);
        let long = move || {
            (guid(), any::<u64>(), any::<u16>()).prop_map(|(replica_guid, counter, padding)| LongTermId {
                gid: Gid { replica_guid, counter: crate::id::GlobalCounter::new(counter) },
                padding,
            })
        };
        let text = "[a-z éß]{0,12}";
        prop_oneof![
            (any::<u32>(), guid(), any::<u16>(), long()).prop_map(|(flags, provider_uid, folder_type, folder)| {
                EntryId::Folder(FolderEntryId { flags, provider_uid, folder_type, folder })
            }),
            (any::<u32>(), guid(), any::<u16>(), long(), long()).prop_map(
                |(flags, provider_uid, message_type, folder, message)| {
                    EntryId::Message(MessageEntryId { flags, provider_uid, message_type, folder, message })
                }
            ),
            (any::<u32>(), any::<u16>(), any::<u16>(), text, text, text).prop_map(
                |(flags, version, one_off_flags, display_name, address_type, email_address)| {
                    EntryId::OneOff(OneOffEntryId {
                        flags,
                        version,
                        one_off_flags,
                        display_name,
                        address_type,
                        email_address,
                    })
                }
            ),
            (any::<u32>(), any::<u32>(), any::<u32>(), text).prop_map(|(flags, version, kind, x500_dn)| {
                EntryId::AddressBook(AddressBookEntryId { flags, version, kind, x500_dn })
            }),
            (any::<u32>(), any::<[u8; 14]>(), guid(), any::<u32>(), proptest::option::of("[a-z]{1,9}"), any::<u8>())
                .prop_map(|(flags, dll_file_name, wrapped_uid, wrapped_type, dn, n)| {
                    EntryId::Store(StoreEntryId {
                        flags,
                        version: n,
                        flag: n,
                        dll_file_name,
                        wrapped_flags: flags,
                        wrapped_uid,
                        wrapped_type,
                        server_shortname: b"server".to_vec(),
                        rest: if dn.is_some() { vec![n] } else { Vec::new() },
                        mailbox_dn: dn.map(String::into_bytes),
                    })
                }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn round_trip(id in any_entry_id()) {
            prop_assert_eq!(EntryId::decode(&id.to_bytes()), Ok(id));
        }

        #[test]
        fn arbitrary_bytes(provider in 0..5usize, bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            let providers = [ONE_OFF_PROVIDER, ADDRESS_BOOK_PROVIDER, STORE_PROVIDER, PUBLIC_FOLDER_PROVIDER];
            let mut bytes = bytes;
            if let (Some(provider), true) = (providers.get(provider), bytes.len() >= 20) {
                bytes[4..20].copy_from_slice(&provider.0);
            }
            let _ = EntryId::decode(&bytes);
        }
    }
}
