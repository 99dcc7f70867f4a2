"""Texts of Flask-AppBuilder that are on our pages and lack in its own Chinese, or read badly there.

Nothing imports this: it shows them to `make messages`, so that our catalogue has them. Ours comes after FAB's and wins.
"""

from flask_babel import lazy_gettext as _

MISSING = (
    _("Add Group"),
    _("Contains (insensitive)"),
    _("Database Error"),
    _("Edit Group"),
    _("Edit User Information"),
    _("Either select a role or a group"),
    _("Groups"),
    _("In"),
    _("It's not a good policy to remove a user, just make it inactive"),
    _("List Groups"),
    _(
        "Must have at least two capital letters, one special character, two digits, three lower case letters and a "
        "minimal length of 10."
    ),
    _("Not a valid choice"),
    _("Not In"),
    _("Show Group"),
    _(
        "The user group on the application, this will associate with a list of roles associated with the group",
    ),
    _("The user's password for authentication"),
    _("User information changed"),
    _("User(s) exists in the group, cannot delete"),
    _("User(s) exists in the role, cannot delete"),
)

# Said otherwise in FAB's Chinese than on our own screens, or about what we do not have.
OTHER_WORDS = (
    _("Add Role"),
    _("Add User"),
    _("Added Row"),
    _("Already exists."),
    _("Changed on"),
    _("Changed Row"),
    _("Created on"),
    _("Deleted Row"),
    _("Email"),
    _("Ends with"),
    _("Equal to"),
    _("Full Name"),
    _("Integrity error, probably unique constraint"),
    _("Is Active?"),
    _("List Base Permissions"),
    _("List View Menus"),
    _("No Relation"),
    _("Not Ends with"),
    _("Not Equal to"),
    _("Not Starts with"),
    _("Relation"),
    _("Relation as Many"),
    _("Reset my password"),
    _("Reset Password Form"),
    _("Security"),
    _("Show User"),
    _("Show Role"),
    _("Starts with"),
    _("The user's email, this will also be used for OID auth"),
    _("This field is required."),
    _("Username valid for authentication on DB or LDAP, unused for OID auth"),
    _("Write the user first name or names"),
    _("Write the user last name"),
    _("Your user information"),
)

# Columns of which FAB makes the label from the name; the templates translate it.
COLUMNS = (_("Description"), _("Label"), _("Name"), _("Role"), _("Roles"), _("User"), _("Users"))
