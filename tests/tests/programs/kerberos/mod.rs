//! Kerberos against MIT's KDC, which each test runs for itself on this machine. Without it, the tests show as ignored,
//! never as passed; with `REQUIRE_CLIENTS=1` they fail.

mod kdc;
mod sign_in;
mod stack;
mod tickets;

use std::future::Future;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("every_way_to_a_ticket", tickets::every_way_to_a_ticket),
        trial("a_wrong_password_is_tried_once", tickets::a_wrong_password_is_tried_once),
        trial("clocks_that_differ", tickets::clocks_that_differ),
        trial("an_independent_service_accepts", tickets::an_independent_service_accepts),
        trial("names_that_are_looked_up", tickets::names_that_are_looked_up),
        trial("passwords_become_tickets", sign_in::passwords_become_tickets),
        trial("services_that_look_at_each_request", sign_in::services_that_look_at_each_request),
        trial("a_wrong_password_goes_no_further", sign_in::a_wrong_password_goes_no_further),
        trial("without_a_kdc_ntlm_takes_over", sign_in::without_a_kdc_ntlm_takes_over),
        trial("without_a_service_principal_ntlm_takes_over", sign_in::without_a_service_principal_ntlm_takes_over),
        trial("a_service_with_another_key", sign_in::a_service_with_another_key),
        trial("channel_bindings_are_enforced", sign_in::channel_bindings_are_enforced),
        trial("an_impostor_is_not_believed", sign_in::an_impostor_is_not_believed),
        trial("clocks_that_differ_are_explained", sign_in::clocks_that_differ_are_explained),
        trial("devices_with_a_keytab_or_a_cache", sign_in::devices_with_a_keytab_or_a_cache),
        trial("a_check_tells_the_scheme", sign_in::a_check_tells_the_scheme),
        trial("no_secret_reaches_a_log", sign_in::no_secret_reaches_a_log),
    ]
}

fn trial<F: Future<Output = ()>>(name: &'static str, test: impl FnOnce() -> F + Send + 'static) -> Trial {
    let required = std::env::var_os("REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    let name = format!("kerberos::{name}");
    if !installed() {
        let why = "needs Debian's krb5-kdc, krb5-admin-server, krb5-user and python3-gssapi";
        return Trial::test(name, move || Err(why.into())).with_ignored_flag(!required);
    }
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(test());
        Ok(())
    })
}

fn installed() -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let there = |program: &str| std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", "import gssapi"]).stdin(Stdio::null()).stderr(Stdio::null());
    ["krb5kdc", "kdb5_util", "kadmin.local", "kinit"].into_iter().all(there)
        && python.status().is_ok_and(|status| status.success())
}
