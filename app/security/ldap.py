"""A password tried in a directory by LDAP. Loaded only where people sign in so: ldap3 takes 6 MiB."""

import logging
import ssl
from typing import Any

import ldap3
from flask import current_app
from flask_babel import gettext
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from app.security.directory import LDAP, SECONDS, Person, Unreachable

log = logging.getLogger("switchboard.directory")


def person_of(username: str, password: str) -> Person | None:
    """The person whose user name and password these are in the directory, or None.

    Raises Unreachable. An empty password is never tried: LDAP would take it for an anonymous visit, and let it in.
    """
    if not username or not password:
        return None
    try:
        with _connection(current_app.config["LDAP_BIND_DN"], current_app.config["LDAP_BIND_PASSWORD"]) as directory:
            entry = _entry_of(directory, username)
            if entry is None or not _has_password(entry.entry_dn, password):
                return None
            return _person(directory, entry, username)
    except (LDAPException, OSError) as error:
        log.exception("the directory does not answer")
        raise Unreachable(gettext("The directory cannot be reached now. Try it again in a moment.")) from error


def _connection(dn: str, password: str) -> ldap3.Connection:
    config = current_app.config
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=config["LDAP_CA_FILE"] or None)
    server = ldap3.Server(config["LDAP_URL"], tls=tls, get_info=ldap3.NONE, connect_timeout=SECONDS)
    begin = ldap3.AUTO_BIND_TLS_BEFORE_BIND if config["LDAP_START_TLS"] else ldap3.AUTO_BIND_NO_TLS
    return ldap3.Connection(
        server, dn or None, password or None, auto_bind=begin, read_only=True, receive_timeout=SECONDS
    )


def _entry_of(directory: ldap3.Connection, username: str) -> Any:
    config = current_app.config
    wanted = config["LDAP_FILTER"].replace("{username}", escape_filter_chars(username))
    directory.search(config["LDAP_BASE"], wanted, attributes=[ldap3.ALL_ATTRIBUTES, ldap3.ALL_OPERATIONAL_ATTRIBUTES])
    if len(directory.entries) > 1:
        log.error("more than one entry has the user name", extra={"base": config["LDAP_BASE"]})
    return directory.entries[0] if len(directory.entries) == 1 else None


def _has_password(dn: str, password: str) -> bool:
    try:
        with _connection(dn, password):
            return True
    except ldap3.core.exceptions.LDAPBindError:
        return False


def _person(directory: ldap3.Connection, entry: Any, username: str) -> Person:
    config, dn = current_app.config, entry.entry_dn

    def text(*names: str) -> str:
        return next((str(entry[name].values[0]) for name in names if name in entry and entry[name].values), "")

    if config["LDAP_GROUP_BASE"]:
        wanted = config["LDAP_GROUP_FILTER"].replace("{dn}", escape_filter_chars(dn))
        wanted = wanted.replace("{username}", escape_filter_chars(username))
        directory.search(config["LDAP_GROUP_BASE"], wanted, attributes=[ldap3.NO_ATTRIBUTES])
        groups = [each.entry_dn for each in directory.entries]
    else:
        groups = [str(group) for group in entry["memberOf"].values] if "memberOf" in entry else []
    return Person(
        source=LDAP,
        subject=text("entryUUID", "objectGUID") or dn,
        username=text("uid", "sAMAccountName") or username,
        first_name=text("givenName"),
        last_name=text("sn"),
        email=text("mail"),
        groups=frozenset(group.lower() for group in groups),
    )
