use serde::{Deserialize, Serialize};

/// `[upstream.kerberos]`: how users get Kerberos tickets. Without it, Kerberos is not used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KerberosConfig {
    /// The realm: of an Active Directory domain its DNS name in capitals.
    pub realm: String,
    /// The KDCs (domain controllers), `host` or `host:port`, the preferred one first. Without them DNS says
    /// (`_kerberos._tcp.<realm>`).
    #[serde(default)]
    pub kdc: Vec<String>,
}

impl KerberosConfig {
    /// What is wrong with it: key and problem.
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        let plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"/\\@\"'".contains(c));
        if !plain(&self.realm) {
            let problem =
                format!("`{}` is no realm: expected the domain in capitals, such as \"EXAMPLE.ORG\"", self.realm);
            out.push(("upstream.kerberos.realm".to_owned(), problem));
        }
        for (position, kdc) in self.kdc.iter().enumerate().filter(|(_, kdc)| !plain(kdc)) {
            let problem = format!("`{kdc}` is no KDC: expected \"dc1.example.org\" or \"dc1.example.org:88\"");
            out.push((format!("upstream.kerberos.kdc[{position}]"), problem));
        }
        out
    }
}
