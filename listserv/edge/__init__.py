"""What can fail: the database, the relay, the resolver, the templates of a site.

Everything here talks to something outside the process and turns its failures into values or into documented errors.
"""
