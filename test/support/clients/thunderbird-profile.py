#!/usr/bin/env python3
"""Writes a Thunderbird profile with one account, ready to start unattended: no wizard, no update, no telemetry, the password stored.

usage: thunderbird-profile.py FOLDER IMAP_PORT SUBMISSION_PORT ADDRESS PASSWORD LIBRARY_FOLDER

Everything is on 127.0.0.1 without TLS. The password goes where Thunderbird looks for it: encrypted by NSS, the library that comes with
Thunderbird, into logins.json, with the key in key4.db.
"""
import base64
import ctypes
import json
import os
import sys
import time
import uuid

folder, imap_port, submission_port, address, password, libraries = sys.argv[1:7]
HOST = "127.0.0.1"
PASSWORD_IN_CLEAR = 3

preferences = {
    # The account.
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.account.account1.identities": "id1",
    "mail.account.account1.server": "server1",
    "mail.account.lastKey": 1,
    "mail.identity.id1.fullName": "Test User",
    "mail.identity.id1.useremail": address,
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.valid": True,
    "mail.identity.id1.compose_html": False,
    "mail.server.server1.type": "imap",
    "mail.server.server1.hostname": HOST,
    "mail.server.server1.port": int(imap_port),
    "mail.server.server1.userName": address,
    "mail.server.server1.name": address,
    "mail.server.server1.socketType": 0,
    "mail.server.server1.authMethod": PASSWORD_IN_CLEAR,
    "mail.server.server1.login_at_startup": True,
    "mail.server.server1.check_new_mail": True,
    "mail.server.server1.offline_download": True,
    "mail.server.server1.storeContractID": "@mozilla.org/msgstore/berkeleystore;1",
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.hostname": HOST,
    "mail.smtpserver.smtp1.port": int(submission_port),
    "mail.smtpserver.smtp1.username": address,
    "mail.smtpserver.smtp1.authMethod": PASSWORD_IN_CLEAR,
    "mail.smtpserver.smtp1.try_ssl": 0,
    # Nothing that asks, nothing that calls home.
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "app.donation.eoy.version.viewed": 999,
    "app.update.auto": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.healthreport.uploadEnabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.unified": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "mail.inappnotifications.enabled": False,
    "browser.safebrowsing.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "mail.phishing.detection.enabled": False,
    "browser.sessionstore.resume_from_crash": False,
    "toolkit.startup.max_resumed_crashes": -1,
    # The same picture everywhere, drawn without a graphics card.
    "calendar.timezone.local": "UTC",
    "intl.locale.requested": "en-US",
    "mail.ui.folderpane.version": 100,
    "gfx.webrender.software": True,
    "layers.acceleration.disabled": True,
    "dom.ipc.processCount": 1,
    "general.smoothScroll": False,
    "ui.prefersReducedMotion": 1,
    "accessibility.force_disabled": 1,
}


class SecItem(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint), ("data", ctypes.c_void_p), ("len", ctypes.c_uint)]


def open_key_store(nss):
    """Makes key4.db with an empty master password."""
    nss.PK11_GetInternalKeySlot.restype = ctypes.c_void_p
    if nss.NSS_InitReadWrite(b"sql:" + folder.encode()) != 0:
        raise SystemExit("NSS cannot open the profile")
    slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
    if nss.PK11_NeedUserInit(slot) and nss.PK11_InitPin(slot, None, b"") != 0:
        raise SystemExit("NSS cannot set the master password")
    if nss.PK11_CheckUserPassword(slot, b"") != 0:
        raise SystemExit("NSS does not take the master password")


def encrypt(nss, text):
    octets = text.encode()
    buffer = ctypes.create_string_buffer(octets, len(octets))
    clear = SecItem(0, ctypes.cast(buffer, ctypes.c_void_p), len(octets))
    default_key, secret = SecItem(0, None, 0), SecItem(0, None, 0)
    if nss.PK11SDR_Encrypt(ctypes.byref(default_key), ctypes.byref(clear), ctypes.byref(secret), None) != 0:
        raise SystemExit("NSS cannot encrypt")
    return base64.b64encode(ctypes.string_at(secret.data, secret.len)).decode()


def login(nss, number, protocol):
    now = int(time.time() * 1000)
    return {
        "id": number,
        "hostname": f"{protocol}://{HOST}",
        "httpRealm": f"{protocol}://{HOST}",
        "formSubmitURL": None,
        "usernameField": "",
        "passwordField": "",
        "encryptedUsername": encrypt(nss, address),
        "encryptedPassword": encrypt(nss, password),
        "guid": "{" + str(uuid.uuid4()) + "}",
        "encType": 1,
        "timeCreated": now,
        "timeLastUsed": now,
        "timePasswordChanged": now,
        "timesUsed": 1,
    }


os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "prefs.js"), "w") as file:
    for name, value in preferences.items():
        file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
try:
    library = ctypes.CDLL(os.path.join(libraries, "libnss3.so"))
except OSError:
    library = ctypes.CDLL("libnss3.so")
open_key_store(library)
logins = [login(library, 1, "imap"), login(library, 2, "smtp")]
with open(os.path.join(folder, "logins.json"), "w") as file:
    json.dump({"nextId": 3, "logins": logins, "potentiallyVulnerablePasswords": [], "dismissedBreachAlertsByLoginGUID": {}, "version": 3}, file)
library.NSS_Shutdown()
