/// A property type ([MS-OXCDATA] 2.11.1), as its 16-bit number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyType(pub u16);

#[allow(missing_docs, reason = "the names are those of [MS-OXCDATA] 2.11.1 without their Ptyp prefix")]
impl PropertyType {
    pub const UNSPECIFIED: Self = Self(0x0000);
    pub const NULL: Self = Self(0x0001);
    pub const INTEGER16: Self = Self(0x0002);
    pub const INTEGER32: Self = Self(0x0003);
    pub const FLOATING32: Self = Self(0x0004);
    pub const FLOATING64: Self = Self(0x0005);
    pub const CURRENCY: Self = Self(0x0006);
    pub const FLOATING_TIME: Self = Self(0x0007);
    pub const ERROR_CODE: Self = Self(0x000A);
    pub const BOOLEAN: Self = Self(0x000B);
    pub const OBJECT: Self = Self(0x000D);
    pub const INTEGER64: Self = Self(0x0014);
    pub const STRING8: Self = Self(0x001E);
    pub const STRING: Self = Self(0x001F);
    pub const TIME: Self = Self(0x0040);
    pub const GUID: Self = Self(0x0048);
    pub const SERVER_ID: Self = Self(0x00FB);
    pub const RESTRICTION: Self = Self(0x00FD);
    pub const RULE_ACTION: Self = Self(0x00FE);
    pub const BINARY: Self = Self(0x0102);
    pub const MULTIPLE_INTEGER32: Self = Self(0x1003);
    pub const MULTIPLE_STRING8: Self = Self(0x101E);
    pub const MULTIPLE_STRING: Self = Self(0x101F);
    pub const MULTIPLE_BINARY: Self = Self(0x1102);
    /// UTF-16 as a code page string type of FastTransfer streams ([MS-OXCFXICS] 2.2.4.1.1.1).
    pub const CODE_PAGE_UTF16: Self = Self(0x84B0);
}

impl PropertyType {
    /// Whether values are lists (PtypMultiple*).
    pub const fn is_multiple(self) -> bool {
        self.0 & 0x1000 != 0 && self.0 & 0x8000 == 0
    }

    /// The type of one element of a multi-valued type (also without the MultivalueInstance bit 0x2000).
    pub const fn element(self) -> Self {
        Self(self.0 & !0x3000)
    }

    /// Whether this is a code page string type of FastTransfer streams: 0x8000 and a code page number.
    pub const fn is_code_page_string(self) -> bool {
        self.0 & 0x8000 != 0
    }
}
