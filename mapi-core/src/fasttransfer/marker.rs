use std::fmt;

macro_rules! markers {
    ($($name:ident = $value:literal, $doc:literal;)*) => {
        /// A marker of FastTransfer streams ([MS-OXCFXICS] 2.2.4.1.4): a 32-bit value that stands where a property tag
        /// could, opens or closes an element and has no value of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Marker {
            $(#[doc = $doc] $name = $value,)*
        }

        impl Marker {
            /// Every marker.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The marker of its value on the wire.
            pub const fn from_u32(value: u32) -> Option<Self> {
                match value {
                    $($value => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

markers! {
    StartTopFld = 0x4009_0003, "The folder that is copied.";
    StartSubFld = 0x400A_0003, "A subfolder of it.";
    EndFolder = 0x400B_0003, "End of a folder.";
    StartMessage = 0x400C_0003, "A message.";
    StartFaiMsg = 0x4010_0003, "A folder-associated (FAI) message.";
    EndMessage = 0x400D_0003, "End of a message.";
    StartEmbed = 0x4001_0003, "The message inside an attachment.";
    EndEmbed = 0x4002_0003, "End of it.";
    StartRecip = 0x4003_0003, "A recipient.";
    EndToRecip = 0x4004_0003, "End of a recipient.";
    NewAttach = 0x4000_0003, "An attachment.";
    EndAttach = 0x400E_0003, "End of an attachment.";
    IncrSyncChg = 0x4012_0003, "A changed message or folder.";
    IncrSyncChgPartial = 0x407D_0003, "A message of which some property groups changed.";
    IncrSyncMessage = 0x4015_0003, "The properties of a changed message.";
    IncrSyncDel = 0x4013_0003, "What was deleted.";
    IncrSyncRead = 0x402F_0003, "Whose read state changed.";
    IncrSyncStateBegin = 0x403A_0003, "The synchronisation state.";
    IncrSyncStateEnd = 0x403B_0003, "End of it.";
    IncrSyncEnd = 0x4014_0003, "End of the synchronisation.";
    IncrSyncProgressMode = 0x4074_000B, "How much there will be.";
    IncrSyncProgressPerMsg = 0x4075_000B, "Size of the next message.";
    IncrSyncGroupInfo = 0x407B_0102, "Which properties form a group.";
    FxErrorInfo = 0x4018_0003, "An object the server could not send.";
}

impl Marker {
    /// The value on the wire.
    pub const fn to_u32(self) -> u32 {
        self as u32
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}({:#010X})", self.to_u32())
    }
}

/// Properties that tell about the stream, not about the object ([MS-OXCFXICS] 2.2.4.1.5).
#[allow(non_upper_case_globals, reason = "the names are those of the specification")]
pub mod meta {
    use crate::property::PropertyTag;

    /// The property or the children (recipients 0x0E12000D, attachments 0x0E13000D) named by the value are left out or
    /// are to be emptied.
    pub const MetaTagFXDelProp: PropertyTag = PropertyTag(0x4016_0003);
    /// A warning of the server about the object that follows.
    pub const MetaTagEcWarning: PropertyTag = PropertyTag(0x400F_0003);
    /// Where the content of a ghosted folder is found.
    pub const MetaTagNewFXFolder: PropertyTag = PropertyTag(0x4011_0102);
    /// The property group mapping in force.
    pub const MetaTagIncrSyncGroupId: PropertyTag = PropertyTag(0x407C_0003);
    /// The property group that follows.
    pub const MetaTagIncrementalSyncMessagePartial: PropertyTag = PropertyTag(0x407A_0003);
    /// DN prefix that the addresses in the stream are relative to.
    pub const MetaTagDnPrefix: PropertyTag = PropertyTag(0x4008_001E);
}
