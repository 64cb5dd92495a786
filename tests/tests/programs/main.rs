//! The gateway among other programs: mail clients, a Kerberos KDC, a container engine. What needs one that isn't there shows
//! as ignored, never as a pass.

mod clients;
mod deploy;
mod dovecot;
mod kerberos;
mod promtool;
mod thunderbird;

use libtest_mimic::Arguments;

fn main() {
    let trials = [
        clients::trials(),
        deploy::trials(),
        dovecot::trials(),
        kerberos::trials(),
        promtool::trials(),
        thunderbird::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
