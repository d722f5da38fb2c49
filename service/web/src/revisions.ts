/** Entry of the list of revisions. */
import './styles/desk.css';
import './desk/revisionPage';
import { keepPlaceOnLanguageChange, skipLinks } from './core/shell';

keepPlaceOnLanguageChange();
skipLinks();
