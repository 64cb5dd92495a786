use std::path::{Path, PathBuf};

/// File systems whose content goes away: with the machine's power, or with the container.
const IN_MEMORY: [&str; 4] = ["tmpfs", "ramfs", "rootfs", "devtmpfs"];
const OF_CONTAINERS: [&str; 3] = ["overlay", "aufs", "fuse.fuse-overlayfs"];

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Which directory of the file system is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Its type, such as `ext4`.
    pub kind: String,
}

/// For how long what is stored somewhere stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It stays.
    Durable,
    /// Until the machine stops: it is in memory.
    Memory,
    /// Until the container is removed: it is in the container's own layer.
    Container,
    /// Until the container is removed: it is in a volume that has no name.
    AnonymousVolume,
}

impl Mount {
    /// Reads a line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
    fn parse(line: &str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut fields = front.split(' ').skip(3);
        let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
        let kind = back.split(' ').next()?.to_owned();
        Some(Self { root, point, kind })
    }

    /// For how long files in it stay.
    pub fn durability(&self) -> Durability {
        let kind = self.kind.as_str();
        if IN_MEMORY.contains(&kind) {
            return Durability::Memory;
        }
        if OF_CONTAINERS.contains(&kind) {
            return Durability::Container;
        }
        // Engines keep volumes as …/volumes/<name>/_data; the name of one that nobody named is a random number.
        let mut parts = self.root.iter().rev().map(|part| part.to_str().unwrap_or_default());
        let (data, name, volumes) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
        let random = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if data == Some("_data") && volumes == Some("volumes") && random {
            return Durability::AnonymousVolume;
        }
        Durability::Durable
    }
}

/// The file system that `path` (absolute, without symbolic links) is in, by the text of `/proc/self/mountinfo`.
pub fn mount_of(mountinfo: &str, path: &Path) -> Option<Mount> {
    let mut best: Option<Mount> = None;
    for mount in mountinfo.lines().filter_map(Mount::parse).filter(|mount| path.starts_with(&mount.point)) {
        // Of two at the same place the later one hides the earlier one.
        if best.as_ref().is_none_or(|best| mount.point.as_os_str().len() >= best.point.as_os_str().len()) {
            best = Some(mount);
        }
    }
    best
}

/// Spaces, tabs, line ends and backslashes are written as three octal digits.
fn unescape(field: &str) -> PathBuf {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    pairs.iter().fold(field.to_owned(), |text, (code, character)| text.replace(code, character)).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONTAINER: &str = "\
        1024 900 0:55 / / rw,relatime master:300 - overlay overlay rw,lowerdir=/l,upperdir=/u\n\
        1030 1024 0:60 / /tmp rw,nosuid - tmpfs tmpfs rw,size=65536k\n\
        1031 1024 8:1 /var/lib/docker/volumes/gateway-ledger/_data /var/lib/mapi-gateway rw - ext4 /dev/sda1 rw\n\
        1032 1024 8:1 /var/lib/docker/volumes/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/_data /var/lib/other rw - ext4 /dev/sda1 rw\n\
        1033 1024 8:1 /srv/with\\040space /mnt/with\\040space rw shared:1 - xfs /dev/sdb rw\n\
        1034 1033 0:70 / /mnt/with\\040space rw - ramfs none rw\n";

    fn durability(path: &str) -> (String, Durability) {
        let mount = mount_of(CONTAINER, Path::new(path)).expect("the root is mounted");
        (mount.kind.clone(), mount.durability())
    }

    #[test]
    fn containers_layers_volumes_and_memory() {
        assert_eq!(durability("/etc/x"), ("overlay".into(), Durability::Container));
        assert_eq!(durability("/tmp/ledger"), ("tmpfs".into(), Durability::Memory));
        assert_eq!(durability("/tmpfiles"), ("overlay".into(), Durability::Container));
        assert_eq!(durability("/var/lib/mapi-gateway"), ("ext4".into(), Durability::Durable));
        assert_eq!(durability("/var/lib/other/x"), ("ext4".into(), Durability::AnonymousVolume));
        assert_eq!(durability("/mnt/with space"), ("ramfs".into(), Durability::Memory));
        assert_eq!(mount_of("nonsense\n", Path::new("/")), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn arbitrary_text_never_panics(text in "[ -~\n]{0,200}", path in "/[a-z/]{0,20}") {
            if let Some(mount) = mount_of(&text, Path::new(&path)) {
                let _ = mount.durability();
            }
        }
    }
}
