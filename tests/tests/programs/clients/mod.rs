//! Real clients against the gateway. A client that isn't installed shows as ignored, never as a pass; with
//! `REQUIRE_CLIENTS=1` it is a failure.

mod curl;
mod imaplib;
mod maildir;
mod mbsync;
mod mutt;
mod offlineimap;
mod roundcube;
mod senders;
mod smtp_senders;
mod support;
mod two_way;

use libtest_mimic::Trial;
use support::{block_on, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("mbsync_pulls_every_folder_whole", &["mbsync"], || block_on(mbsync::pulls_every_folder_whole())),
        trial("mbsync_pulls_nothing_again_after_a_restart", &["mbsync"], || {
            block_on(mbsync::pulls_nothing_again_after_a_restart())
        }),
        trial("mbsync_syncs_both_ways", &["mbsync"], || block_on(mbsync::syncs_both_ways())),
        trial("offlineimap_syncs_both_ways", &["offlineimap"], || block_on(offlineimap::syncs_both_ways())),
        trial("mutt_reads_flags_copies_and_deletes", &["mutt", "script"], || {
            block_on(mutt::reads_flags_copies_and_deletes())
        }),
        trial("mutt_knows_what_changed_meanwhile", &["mutt", "script"], || {
            block_on(mutt::knows_what_changed_meanwhile("mutt"))
        }),
        trial("neomutt_knows_what_changed_meanwhile", &["neomutt", "script"], || {
            block_on(mutt::knows_what_changed_meanwhile("neomutt"))
        }),
        trial("roundcube_lists_sorts_threads_and_searches", &["php"], || {
            block_on(roundcube::lists_sorts_threads_and_searches())
        }),
        trial("imaplib_changes_everything", &["python3"], || block_on(imaplib::changes_everything())),
        trial("imaplib_finds_what_python_finds", &["python3"], || block_on(imaplib::finds_what_python_finds())),
        trial("imaplib_puts_in_order_as_python_does", &["python3"], || {
            block_on(imaplib::puts_in_order_as_python_does())
        }),
        trial("curl_fetches_what_fetch_says", &["curl"], || block_on(curl::fetches_what_fetch_says())),
        trial("curl_over_starttls", &["curl"], || block_on(curl::over_starttls())),
        trial("swaks_sends_an_attachment_and_idle_hears_it", &["swaks"], || {
            block_on(senders::swaks_sends_an_attachment_and_idle_hears_it())
        }),
        trial("msmtp_sends_over_starttls", &["msmtp"], || block_on(senders::msmtp_sends_over_starttls())),
        trial("swaks_in_every_combination", &["swaks"], || block_on(smtp_senders::swaks_in_every_combination())),
        trial("msmtp_in_every_combination", &["msmtp"], || block_on(smtp_senders::msmtp_in_every_combination())),
        trial("curl_sends_in_every_combination", &["curl"], || block_on(smtp_senders::curl_in_every_combination())),
        trial("smtplib_in_every_combination", &["python3"], || block_on(smtp_senders::smtplib_in_every_combination())),
        trial("lettre_in_every_combination", &[], || block_on(smtp_senders::lettre_in_every_combination())),
    ]
}
