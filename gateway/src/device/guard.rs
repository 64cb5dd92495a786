//! What must not be configured: an open relay.

use std::net::IpAddr;

use mail_core::listener::Network;

use crate::config::{ConfigError, DeviceConfig, ListenerAuthentication, SmtpConfig};

/// Networks with shorter prefixes are refused: /16 in IPv4, /48 in IPv6.
const MIN_PREFIX: (u8, u8) = (16, 48);

/// What is wrong with the devices of a configuration on a machine with these default gateways.
pub fn problems(smtp: &SmtpConfig, default_gateways: &[IpAddr]) -> Vec<ConfigError> {
    let mut out = Vec::new();
    for (position, listener) in smtp.listener.iter().enumerate() {
        for (at, proxy) in listener.proxies.iter().enumerate() {
            let key = format!("smtp.listener[{position}].proxies[{at}]");
            out.extend(too_wide(&proxy.0).map(|problem| ConfigError::invalid(key, problem)));
        }
    }
    // Behind a proxy that is listed, the client's own address counts; from anybody else it is the one that is seen.
    let exposed = |gateway: &IpAddr| {
        smtp.listener.iter().position(|listener| {
            listener.authentication == ListenerAuthentication::Optional
                && !listener.proxies.iter().any(|proxy| proxy.0.contains(*gateway))
        })
    };
    for (position, device) in smtp.device.iter().enumerate() {
        let key = format!("smtp.device[{position}]");
        out.extend(device_problems(&key, device));
        for (at, network) in device.networks.iter().enumerate() {
            let key = format!("{key}.networks[{at}]");
            if let Some(problem) = too_wide(&network.0) {
                out.push(ConfigError::invalid(key, problem));
            } else if let Some((gateway, listener)) = default_gateways
                .iter()
                .filter(|gateway| network.0.contains(**gateway))
                .find_map(|gateway| Some((gateway, exposed(gateway)?)))
            {
                let problem = format!(
                    "{} contains {gateway}, the default gateway: where it translates addresses (as before a container), \
                     everybody in the world seems to come from there and could send mail. Expected networks without \
                     it or, if it speaks the PROXY protocol, {gateway} in smtp.listener[{listener}].proxies",
                    network.0
                );
                out.push(ConfigError::invalid(key, problem));
            } else if let Some(other) =
                smtp.device[..position].iter().find(|other| other.networks.iter().any(|other| other.0 == network.0))
            {
                let problem = format!("device {} has this network, too: expected another one", other.name);
                out.push(ConfigError::invalid(key, problem));
            }
        }
        let user = |device: &DeviceConfig| device.user.as_ref().map(|user| user.to_lowercase());
        if user(device).is_some() && smtp.device[..position].iter().any(|other| user(other) == user(device)) {
            out.push(ConfigError::invalid(format!("{key}.user"), "another device has this user, too"));
        }
    }
    let unreachable = smtp.device.iter().position(|device| !device.networks.is_empty());
    let optional =
        |listener: &crate::config::SmtpListenerConfig| listener.authentication == ListenerAuthentication::Optional;
    if let (Some(position), false) = (unreachable, smtp.listener.iter().any(optional)) {
        let problem =
            "nobody could submit from there: expected an [[smtp.listener]] with authentication = \"optional\"";
        out.push(ConfigError::invalid(format!("smtp.device[{position}].networks"), problem));
    }
    out
}

fn too_wide(network: &Network) -> Option<String> {
    let min = if network.is_ipv6() { MIN_PREFIX.1 } else { MIN_PREFIX.0 };
    (network.prefix() < min).then(|| {
        format!(
            "{network} is too wide, strangers could be in it: expected /{min} or narrower, e.g. the devices' addresses"
        )
    })
}

fn device_problems(key: &str, device: &DeviceConfig) -> Vec<ConfigError> {
    let mut out = Vec::new();
    let mut refuse = |name: &str, problem: &str| out.push(ConfigError::invalid(format!("{key}.{name}"), problem));
    if device.networks.is_empty() == device.user.is_none() {
        refuse("networks", "expected either networks, from which no login is needed, or user and user_password_file");
    }
    if device.user.is_some() != device.user_password_file.is_some() {
        refuse("user_password_file", "expected together with user: a file with the password the device logs in with");
    }
    let proofs = [
        device.password_file.is_some(),
        device.password_env.is_some(),
        device.oauth.is_some(),
        device.keytab_file.is_some(),
        device.credential_cache_file.is_some(),
    ];
    if proofs.into_iter().filter(|given| *given).count() != 1 {
        refuse(
            "password_file",
            "expected either password_file or password_env, with the mailbox's password, or oauth, keytab_file or credential_cache_file",
        );
    }
    let (local, domain) = device.mailbox.rsplit_once('@').unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_graphic() && !"<>()[],;:\\\"".contains(letter);
    if local.is_empty() || domain.is_empty() || !device.mailbox.chars().all(plain) {
        refuse("mailbox", "expected the mailbox's address, such as scanner@example.org");
    }
    let good = |entry: &String| !entry.is_empty() && !entry.starts_with('@') && !entry.contains(['*', ' ', '<', '>']);
    if !device.recipients.iter().all(good) {
        refuse("recipients", "expected addresses (boss@example.org) and domains (example.org)");
    }
    if device.max_message_bytes == Some(0)
        || device.messages_per_minute == Some(0)
        || device.messages_per_day == Some(0)
    {
        refuse("messages_per_minute", "0 in a limit would refuse everything: expected positive numbers");
    }
    out.extend(device.oauth.iter().flat_map(|oauth| oauth.problems(&format!("{key}.oauth"))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(listener: &str, device: &str, gateways: &[&str]) -> Vec<String> {
        let text = format!(
            "[upstream]\ndomains = [\"example.org\"]\n[[smtp.listener]]\naddress = \"127.0.0.1:2525\"\ntls = \"none\"\n\
             authentication = \"optional\"\n{listener}\n[[smtp.device]]\nname = \"scanner\"\n\
             mailbox = \"scanner@example.org\"\npassword_env = \"HOME\"\n{device}\n"
        );
        let config = Config::parse(&text).expect("well-formed");
        let gateways: Vec<IpAddr> = gateways.iter().map(|gateway| gateway.parse().expect("an address")).collect();
        problems(&config.smtp, &gateways).iter().map(ToString::to_string).collect()
    }

    fn problem(listener: &str, device: &str, gateways: &[&str]) -> String {
        let found = check(listener, device, gateways);
        assert_eq!(found.len(), 1, "{found:?}");
        found.concat()
    }

    #[test]
    fn narrow_networks_are_fine() {
        for networks in ["\"192.0.2.0/24\"", "\"10.1.0.0/16\", \"192.0.2.7\"", "\"2001:db8:1::/48\"", "\"127.0.0.1\""] {
            let found = check("", &format!("networks = [{networks}]"), &["192.168.1.1", "fe80::1"]);
            assert!(found.is_empty(), "{found:?}");
        }
        let user = "user = \"scan\"\nuser_password_file = \"/x\"";
        assert!(check("", user, &[]).is_empty());
    }

    #[test]
    fn wide_networks_are_refused() {
        for (network, least) in [("0.0.0.0/0", 16), ("10.0.0.0/15", 16), ("::/0", 48), ("2001:db8::/47", 48)] {
            let found = problem("", &format!("networks = [\"192.0.2.7\", \"{network}\"]"), &[]);
            let start = format!("smtp.device[0].networks[1]: {network} is too wide");
            assert!(found.starts_with(&start) && found.contains(&format!("expected /{least}")), "{found}");
        }
        let found = problem("proxies = [\"10.0.0.0/8\"]", "networks = [\"192.0.2.7\"]", &[]);
        assert!(found.starts_with("smtp.listener[0].proxies[0]: 10.0.0.0/8 is too wide"), "{found}");
    }

    #[test]
    fn the_default_gateway_is_everybody() {
        let device = "networks = [\"192.0.2.7\", \"172.17.0.0/16\"]";
        let found = problem("", device, &["192.168.1.1", "172.17.0.1"]);
        assert!(found.starts_with("smtp.device[0].networks[1]: 172.17.0.0/16 contains 172.17.0.1"), "{found}");
        assert!(found.contains("smtp.listener[0].proxies"), "{found}");
        assert!(check("proxies = [\"172.17.0.1\"]", device, &["172.17.0.1"]).is_empty(), "the proxy names the client");
        let found = problem("proxies = [\"10.0.0.9\"]", device, &["172.17.0.1"]);
        assert!(found.contains("172.17.0.1 in smtp.listener[0].proxies"), "another proxy changes nothing: {found}");
        let two = "proxies = [\"172.17.0.1\"]\n[[smtp.listener]]\naddress = \"127.0.0.1:2526\"\ntls = \"none\"\n\
                   authentication = \"optional\"";
        let found = problem(two, device, &["172.17.0.1"]);
        assert!(found.contains("in smtp.listener[1].proxies"), "{found}");
        let v6 = problem("", "networks = [\"fe80::/64\"]", &["fe80::1"]);
        assert!(v6.contains("contains fe80::1"), "{v6}");
    }

    #[test]
    fn devices_are_whole() {
        let found = problem("", "", &[]);
        assert!(found.starts_with("smtp.device[0].networks: expected either networks"), "{found}");
        let found = problem("", "networks = [\"192.0.2.7\"]\npassword_file = \"/x\"", &[]);
        assert!(found.starts_with("smtp.device[0].password_file: expected either"), "{found}");
        let found = problem("", "user = \"x\"", &[]);
        assert!(found.starts_with("smtp.device[0].user_password_file: expected together"), "{found}");
        let found = problem("", "networks = [\"192.0.2.7\"]\nrecipients = [\"@example.org\"]", &[]);
        assert!(found.starts_with("smtp.device[0].recipients: expected addresses"), "{found}");
        let second = "networks = [\"192.0.2.7\"]\n[[smtp.device]]\nname = \"other\"\nmailbox = \"o@example.org\"\n\
                      password_env = \"HOME\"\nnetworks = [\"192.0.2.7\"]";
        let found = problem("", second, &[]);
        assert!(found.starts_with("smtp.device[1].networks[0]: device scanner has this network"), "{found}");
        let found = problem(
            "[[smtp.device]]\nname = \"x\"\nmailbox = \"y\"\npassword_env = \"HOME\"\nnetworks = [\"192.0.2.8\"]",
            "networks = [\"192.0.2.7\"]",
            &[],
        );
        assert!(found.starts_with("smtp.device[0].mailbox: expected the mailbox's address"), "{found}");
    }

    #[test]
    fn networks_without_an_open_listener_are_a_mistake() {
        let text = "[upstream]\ndomains = [\"example.org\"]\n[[smtp.listener]]\naddress = \"127.0.0.1:2525\"\ntls = \"none\"\n\
                    [[smtp.device]]\nname = \"s\"\nmailbox = \"s@example.org\"\npassword_env = \"HOME\"\nnetworks = [\"192.0.2.7\"]";
        let found = problems(&Config::parse(text).expect("well-formed").smtp, &[]);
        assert!(found[0].to_string().starts_with("smtp.device[0].networks: nobody could submit"), "{found:?}");
    }
}
