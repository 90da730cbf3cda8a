//! The program's promises about authorization, line by line, with the tests that hold each line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each line in our own words, and the tests that hold it.
const LINES: &[(&str, &[&str])] = &[
    (
        "The session's cookie is this host's alone: __Host- and Secure over HTTPS, HttpOnly, SameSite=Lax, Path=/.",
        &[
            "the_session_cookie_is_for_this_site_s_requests_alone",
            "over_https_the_cookies_are_secure_and_the_host_s_own",
            "where_the_server_itself_speaks_https_the_cookies_are_secure_too",
        ],
    ),
    (
        "A session's token is 256 random bits, and the store has only its hash.",
        &["the_store_holds_the_token_s_hash_and_never_the_token_or_the_password", "no_file_of_the_store_holds_a_token"],
    ),
    (
        "Whoever signs in or proves more gets a new token, and the old one is dead at once.",
        &[
            "a_token_is_new_at_sign_in_and_the_one_before_is_dead",
            "whoever_proves_more_gets_another_token_and_the_old_one_is_dead_at_once",
            "an_admin_s_act_asks_for_a_recent_password_and_leads_back",
        ],
    ),
    (
        "Sessions end when they are idle and when they are old, and an open board is no activity.",
        &[
            "a_session_that_nobody_uses_ends",
            "a_session_ends_in_any_case_when_its_last_hour_is_over",
            "a_board_that_only_listens_does_not_keep_its_session_and_hears_of_the_end",
        ],
    ),
    (
        "Signing out ends the session on the server, and Back shows nothing private.",
        &["after_sign_out_the_old_cookie_opens_nothing_and_back_shows_nothing", "no_page_for_members_is_kept_by_a_browser"],
    ),
    (
        "Live connections hear of their session's end within a second, and nothing follows.",
        &[
            "signing_out_closes_that_sessions_boards_within_a_second_and_no_others",
            "one_s_phone_is_signed_out_from_the_desk_and_its_board_says_so_at_once",
            "a_board_that_only_listens_does_not_keep_its_session_and_hears_of_the_end",
        ],
    ),
    (
        "What changes in the directory reaches sessions and boards within the refresh interval.",
        &[
            "a_disabled_account_loses_its_session_and_its_open_board",
            "a_password_that_an_admin_resets_in_the_directory_ends_every_proof_and_board_at_the_next_refresh",
            "a_group_gained_opens_its_page_in_the_bar_of_a_board_that_is_open_and_a_group_lost_closes_it",
        ],
    ),
    (
        "Everybody sees and ends their own sessions; admins end anybody's, or all.",
        &[
            "one_s_account_lists_one_s_own_sessions",
            "one_signs_out_everywhere_else_and_nobody_else_notices",
            "nobody_ends_a_colleague_s_session_by_its_id",
            "an_admin_finds_anybody_s_session_and_ends_it",
            "an_admin_ends_all_of_a_person_s_and_everybody_s_but_their_own",
        ],
    ),
    (
        "A directory that is away ends nothing at once, and opens nothing after a while; away is never \"not found\".",
        &[
            "an_outage_is_lived_through_with_a_note_until_it_is_too_long_and_is_over_when_it_is_over",
            "when_the_directory_is_out_of_reach_the_form_says_so_and_nothing_of_the_person",
        ],
    ),
    (
        "A WebSocket from another site is refused, and a cookie counts on one only with an Origin.",
        &["another_sites_page_gets_no_channel_and_a_cookie_counts_only_with_an_origin"],
    ),
    (
        "Every subscription goes through the door, not only the first.",
        &["the_table_holds_for_html_websocket_events_and_json", "an_edit_that_shuts_the_door_shuts_it_at_once"],
    ),
    (
        "State changes by POST alone, from a page of this site, with a token of this browser's.",
        &[
            "every_way_to_change_something_is_shut_to_other_sites_and_to_forms_without_a_token",
            "a_sign_in_that_no_form_of_this_browser_s_sent_is_not_carried_out",
            "signing_out_takes_a_form_of_this_very_session",
        ],
    ),
    (
        "The way back from the sign-in form stays on this site.",
        &["no_next_leaves_the_site", "a_next_that_is_not_encoded_or_stands_twice_does_not_leave_the_site_either"],
    ),
    (
        "No page has script or style of its own, and no frame shows one.",
        &["every_way_in_answers_with_the_security_headers", "a_page_has_no_script_or_style_of_its_own_and_asks_nobody_else"],
    ),
    (
        "Every response has the other headers, and HSTS under TLS.",
        &["every_way_in_answers_with_the_security_headers", "every_kind_of_response_carries_the_security_headers"],
    ),
    (
        "Limits by address, account and pair stand before the directory, and lock nobody out.",
        &[
            "an_address_that_fails_too_often_waits_whatever_it_calls_itself",
            "a_stranger_who_hammers_every_name_of_somebody_never_locks_them",
            "strangers_cannot_keep_out_the_network_that_last_signed_in_well",
            "an_owner_whose_name_is_hammered_still_signs_in_from_where_they_did_before",
        ],
    ),
    (
        "A failed sign-in is one bind, over all servers and domains.",
        &[
            "whatever_the_refusal_one_bind_reaches_the_servers",
            "many_wrong_passwords_at_once_while_a_server_goes_and_comes_are_one_bind_each",
            "a_password_that_one_directory_refused_is_not_tried_at_the_other",
        ],
    ),
    (
        "Failures stay below the directory's own lockout, which is read from it.",
        &[
            "the_policy_and_the_count_are_read_with_the_person",
            "all_spellings_of_a_name_add_up_to_fewer_wrong_passwords_than_lock",
            "after_failures_elsewhere_a_try_that_could_lock_is_withheld_until_they_are_forgotten",
        ],
    ),
    (
        "Unknown, wrong and locked look the same and take as long; a limit is told alike for every name.",
        &[
            "on_active_directory_nobody_learns_which_names_exist_or_are_locked",
            "on_openldap_nobody_learns_which_names_exist",
            "on_the_embedded_directory_nobody_learns_which_names_exist_or_how_they_stand",
            "an_unknown_name_and_a_wrong_password_cannot_be_told_apart_by_their_time",
            "a_stranger_is_told_the_same_of_every_name_whatever_has_become_of_it",
        ],
    ),
    (
        "A password that cannot be one is refused without a bind; any other is passed on as it was typed.",
        &["a_name_or_password_that_cannot_be_one_never_reaches_the_directory"],
    ),
    (
        "A name that tries to be a filter or a DN finds that person or nobody.",
        &["awkward_names_sign_in_and_stand_in_the_bar_as_they_are"],
    ),
    (
        "No password goes over the network in the clear, or to a server whose certificate does not hold.",
        &[
            "plain_ldap_does_not_leave_this_machine_unless_allowed",
            "a_certificate_that_is_not_the_directorys_ends_it_before_a_word_is_said",
        ],
    ),
    (
        "Codes work once, seeds are sealed, and a second factor is asked on every way in that is not one itself.",
        &[
            "whoever_has_an_app_gets_no_session_for_their_password_alone",
            "nobody_walks_around_a_second_factor_and_a_token_carries_the_one_that_was_shown",
            "digest_opens_nothing_of_whoever_has_a_second_factor",
            "nobody_s_factor_counts_in_the_session_of_somebody_else",
            "a_recovery_code_stands_in_for_the_phone_once",
            "what_is_set_up_lasts_over_a_restart_and_the_files_do_not_hold_the_key",
        ],
    ),
    (
        "Tokens are hashed, scoped, expiring, revocable, and in no address; Basic has the form's limits, Digest is for local \
         accounts.",
        &[
            "the_table_holds",
            "a_token_in_an_address_is_no_way_in",
            "a_token_is_shown_once_and_listed_without_its_secret",
            "revoking_a_token_closes_its_boards_within_a_second_and_no_frame_follows",
            "a_token_that_expires_closes_its_boards",
            "a_token_that_was_not_signed_here_opens_nothing",
            "wrong_ones_are_limited_as_at_the_form_and_take_as_long",
            "digest_is_for_those_local_accounts_alone_that_were_made_for_it",
        ],
    ),
    (
        "What a proxy says of an address counts from configured proxies alone.",
        &[
            "a_visitor_is_where_the_connection_comes_from_unless_the_settings_name_a_proxy_s_header",
            "behind_a_proxy_of_ours_visitors_are_where_it_says_and_behind_a_strangers_where_that_is",
        ],
    ),
    (
        "The audit says who, from where, what and how it went; no secret, and no name forges a line.",
        &[
            "a_name_cannot_forge_a_line_in_the_human_format",
            "a_name_cannot_forge_a_line_in_the_json_format",
            "hostile_names_stay_names_on_the_page_and_in_both_files",
            "no_password_and_no_token_is_in_the_audit_or_in_any_file_of_ours",
        ],
    ),
    (
        "Bodies are bounded on every way in, the slow are hung up on, and a flood of connections keeps no member out.",
        &[
            "no_way_in_reads_a_body_without_end",
            "whoever_says_nothing_half_a_word_or_a_letter_now_and_then_is_hung_up_on",
            "a_form_that_trickles_is_not_waited_for",
            "two_thousand_idle_connections_keep_no_member_out",
            "many_links_of_one_site_are_not_many_addresses",
            "members_are_counted_by_themselves_wherever_a_whole_company_comes_from",
            "when_there_are_too_many_they_go_from_whoever_has_most",
        ],
    ),
    (
        "Visitors see a reference, and the log has the cause under it.",
        &["a_fault_of_ours_shows_a_reference_and_not_its_cause", "the_log_has_the_cause_under_the_reference"],
    ),
    ("Dependencies are looked over by cargo deny.", &["cargo_deny_is_among_the_checks"]),
    (
        "What strangers send is fuzzed, and the kept corpus is played in every run.",
        &["the_corpus_leads_through_every_way_of_signing_in", "whatever_was_ever_said_lets_nobody_in_without_a_bind"],
    ),
    (
        "Names of different namespaces are never compared as text, and nothing a directory says makes somebody somebody else.",
        &[
            "a_reference_to_a_person_lets_in_its_own_kind_and_nobody_whom_a_directory_calls_so",
            "a_reference_to_a_group_lets_in_its_own_kind_and_nobody_whose_group_a_directory_calls_so",
            "an_account_whose_principal_name_is_written_like_another_is_not_that_one",
            "whom_a_directory_calls_as_a_local_account_or_anothers_is_told_apart_everywhere",
            "a_namesake_of_the_admins_group_lets_nobody_in_until_its_dn_is_written",
            "a_local_accounts_mail_address_takes_nobodys_sign_in_name",
        ],
    ),
    (
        "Every proof rests on a watched epoch of its person, and ends with it within a second, and so do its live connections.",
        &[
            "each_event_ends_what_the_table_says_of_its_person_and_of_nobody_else",
            "what_another_process_bumps_is_known_at_the_next_poll_once_and_ends_live_connections",
            "a_sign_in_that_waits_for_its_second_factor_ends_with_what_it_rests_on",
            "what_the_command_line_revokes_while_the_server_is_down_is_over_when_it_is_back",
        ],
    ),
    (
        "Before a proof no cause is told: the forms answer alike for all accounts.",
        &[
            "before_the_old_password_is_proved_every_account_is_refused_alike",
            "every_form_answers_alike_for_every_account",
            "every_header_of_a_script_is_answered_alike_for_every_account",
            "whoever_shares_the_network_of_an_owner_is_not_told_that_they_are_one",
        ],
    ),
    (
        "Strangers see no inner host, port, file or error text.",
        &[
            "whoever_looks_is_told_the_kind_of_a_failure_and_administrators_its_cause_under_the_same_reference",
            "strangers_are_shown_no_host_no_path_no_file_and_no_words_of_a_fault",
            "visitors_are_told_nothing_of_an_answer_that_the_page_does_not_name",
        ],
    ),
    (
        "What is scarce has holders: channels, source requests, filter memory, hash places, directory questions, audit rows, code \
         tries and signed tokens.",
        &[
            "a_stranger_holds_only_so_many_choices_and_shuts_out_nobody",
            "strangers_on_all_pages_leave_every_page_to_members",
            "whoever_comes_next_finds_room_however_few_others_have_taken_all",
            "links_of_one_site_share_what_it_has_and_one_of_them_shuts_out_no_other",
            "members_leave_some_of_a_page_to_strangers",
            "what_a_channel_shows_is_refreshed_in_time_however_many_choices_are_walked_through_beside_it",
            "slow_queries_of_one_network_keep_out_no_others",
            "a_walk_from_many_links_of_one_site_displaces_no_other_strangers",
            "a_members_walk_leaves_strangers_theirs",
            "many_networks_with_one_request_each_keep_out_nobody_who_comes_for_the_first_time",
            "answers_that_wait_for_a_filter_are_bounded_and_whoever_has_most_makes_room",
            "the_end_of_a_worker_costs_nobody_elses_answer",
            "a_strangers_walk_is_slowed_down_and_delays_no_members_first_answer",
            "a_choice_that_comes_back_within_its_interval_is_not_asked_again",
            "a_strangers_walk_displaces_its_own_answers_and_no_members",
            "hungry_filters_take_a_bounded_memory_and_no_other_panel",
            "a_flood_from_one_site_takes_no_place_of_a_break_glass_admin",
            "a_directory_that_hangs_does_not_collect_questions_without_end_and_keeps_places_for_the_familiar",
            "no_kind_of_event_can_be_caused_without_bound_however_it_varies",
            "nobody_s_events_push_out_another_s",
            "no_flood_pushes_an_admin_s_row_out_of_the_audit",
            "whoever_knows_the_password_uses_up_neither_the_owner_s_codes_nor_the_recovery_codes",
            "a_thief_guesses_a_code_within_a_year_with_a_chance_of_three_percent",
            "whoever_has_the_password_does_not_push_out_the_owner_s",
            "a_script_that_asks_for_signed_tokens_without_end_is_told_to_wait",
        ],
    ),
    (
        "The state folder is the service's own: owner, mode, no links.",
        &[
            "a_folder_of_somebody_elses_is_refused_with_the_user_to_be",
            "what_others_can_write_or_lead_elsewhere_is_refused",
            "roots_commands_make_no_state_in_a_folder_of_somebody_elses",
        ],
    ),
    (
        "Host is one of ours, and a path has one spelling.",
        &[
            "a_request_to_another_host_is_misdirected_whatever_it_asks_for",
            "a_request_names_exactly_one_host",
            "every_path_has_one_spelling",
            "no_form_chooses_its_method",
        ],
    ),
];

#[test]
fn every_line_is_held_by_tests_that_are_there() {
    let tests = tests_of_the_program();
    assert_eq!(LINES.len(), 37);
    for (number, (line, held_by)) in LINES.iter().enumerate() {
        let number = number + 1;
        assert!(!held_by.is_empty(), "nothing holds line {number}: {line}");
        for test in *held_by {
            assert!(tests.contains(*test), "there is no test {test}, which is to hold line {number}: {line}");
        }
    }
}

#[test]
fn cargo_deny_is_among_the_checks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks = fs::read_to_string(root.join("tests/run")).unwrap();
    assert!(root.join("deny.toml").is_file() && checks.contains("cargo deny --locked check"), "{checks}");
}

/// The names of every test there is.
fn tests_of_the_program() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for file in ["src", "tests/belvedere"].iter().flat_map(|folder| rust_files(&root.join(folder))) {
        let text = fs::read_to_string(file).unwrap();
        let mut is_test = false;
        let mut is_list = false;
        for line in text.lines().map(str::trim) {
            // A list of tests that run on either engine of the stores.
            is_list = line.starts_with("on_both_engines! {") || (is_list && line != "}");
            if is_list {
                names.insert(line.to_owned());
            }
            if let Some(name) = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
                if is_test {
                    names.insert(name.split('(').next().unwrap().to_owned());
                }
                is_test = false;
            }
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        }
    }
    names
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|theirs| theirs == "rs"))
        .collect()
}
