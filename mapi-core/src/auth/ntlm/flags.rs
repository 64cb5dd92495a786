/// NegotiateFlags ([MS-NLMP] 2.2.2.5), as far as they matter here.
pub mod negotiate_flag {
    /// Strings are UTF-16.
    pub const UNICODE: u32 = 0x0000_0001;
    /// The server shall name itself.
    pub const REQUEST_TARGET: u32 = 0x0000_0004;
    /// NTLM, in contrast to LM.
    pub const NTLM: u32 = 0x0000_0200;
    /// A signature stands in every message, if need be a dummy.
    pub const ALWAYS_SIGN: u32 = 0x0000_8000;
    /// The target name is the domain's.
    pub const TARGET_TYPE_DOMAIN: u32 = 0x0001_0000;
    /// The target name is the server's.
    pub const TARGET_TYPE_SERVER: u32 = 0x0002_0000;
    /// NTLMv2 session security.
    pub const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
    /// The challenge has target information.
    pub const TARGET_INFO: u32 = 0x0080_0000;
    /// 128-bit keys.
    pub const ENCRYPTION_128: u32 = 0x2000_0000;
    /// 56-bit keys.
    pub const ENCRYPTION_56: u32 = 0x8000_0000;
}
