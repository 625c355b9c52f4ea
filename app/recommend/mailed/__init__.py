"""What mails taught: clicks as activity, and the weights of clicks and of what was shown and ignored.

It moves the lists of members who were mailed, and no others: whatever is fitted for all stays as it was.
"""
